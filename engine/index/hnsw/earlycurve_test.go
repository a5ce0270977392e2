package hnsw

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/index"
	"github.com/vectorizer-go/vectorizer/engine/index/codes"
	"github.com/vectorizer-go/vectorizer/engine/index/indextest"
)

// TestEarlyCurve prints recall and the rate of one thread with early ends beside
// those without, of one index, medians of rounds in turn, when -curve names a set:
//
//	go test ./engine/index/hnsw -run TestEarlyCurve -v -curve code-lsa-256 -codes auto
func TestEarlyCurve(t *testing.T) {
	if *curveSets == "" {
		return
	}
	set, ok, err := indextest.LoadLarge(*curveSets)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	kind, ok := codes.ParseKind(*curveCodes)
	if !ok {
		t.Fatal(*curveCodes)
	}
	x := build(t, set, Config{EfConstruction: 200, Quantization: kind})
	growth := x.growth()
	fmt.Printf("%s: growth %.4f\n", set.Name, growth)
	for _, ef := range strings.Split(*curveEfs, ",") {
		n, err := strconv.Atoi(ef)
		if err != nil {
			t.Fatal(err)
		}
		p := index.Params{K: 10, Ef: n}
		var rates [2][]float64
		for range 5 {
			for i, g := range []float32{0, growth} {
				x.setGrowth(g)
				rates[i] = append(rates[i], searchRate(x, set, p, 1))
			}
		}
		var points [2]string
		for i, g := range []float32{0, growth} {
			x.setGrowth(g)
			slices.Sort(rates[i])
			recall, distances := recallAndWork(set, x, n)
			points[i] = fmt.Sprintf("recall %.4f  qps %7.0f  distances %d", recall, rates[i][2], distances)
		}
		fmt.Printf("ef %4d  %s    early %s\n", n, points[0], points[1])
	}
}

// recallAndWork is the recall of ten neighbours, and the distances a query.
func recallAndWork(set *indextest.Set, x *Index, ef int) (recall float64, distances int) {
	recall = indextest.Recall(set, 10, func(q []float32, dst []index.Hit) []index.Hit {
		var tr index.Trace
		dst = x.Search(q, index.Params{K: 10, Ef: ef, Trace: &tr}, dst)
		distances += tr.Distances
		return dst
	})
	return recall, distances / len(set.Queries)
}
