package hnsw

import (
	"flag"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vectorizer-go/vectorizer/engine/index"
	"github.com/vectorizer-go/vectorizer/engine/index/codes"
	"github.com/vectorizer-go/vectorizer/engine/index/indextest"
)

var (
	curveSets  = flag.String("curve", "", "print recall and QPS for this large set")
	curveCodes = flag.String("codes", "none", "quantization of the curve's index")
	curveEfs   = flag.String("efs", "10,12,16,20,24,32,40,48,64,80,96,128,200", "efforts of the curve")
	curveRows  = flag.Int("curverows", 25000, "rows of it that the churn curve uses")
)

// build puts the whole set into a new index and waits.
func build(tb testing.TB, set *indextest.Set, cfg Config) *Index {
	tb.Helper()
	cfg.Dim, cfg.Metric = set.Dim, set.Metric
	x, err := New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { x.Close() })
	for i, v := range set.Base {
		if err := x.Put(uint32(i), v); err != nil {
			tb.Fatal(err)
		}
	}
	x.Wait()
	return x
}

// TestCurve prints a curve when -curve names a set:
//
//	go test ./engine/index/hnsw -run TestCurve -v -curve code-lsa-256
func TestCurve(t *testing.T) {
	if *curveSets == "" {
		return
	}
	set, ok, err := indextest.LoadLarge(*curveSets)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	start, cpu := time.Now(), cpuTime()
	kind, ok := codes.ParseKind(*curveCodes)
	if !ok {
		t.Fatal(*curveCodes)
	}
	x := build(t, set, Config{EfConstruction: 200, Quantization: kind})
	if c := x.mem.Load().codes.Load(); c != nil {
		fmt.Printf("%d components of %d kept, %d bytes a row\n", c.model.Kept(), set.Dim, c.stride)
	}
	fmt.Printf("%s: build %.1f s, %.1f s of processor, %d linkers\n", set.Name,
		time.Since(start).Seconds(), (cpuTime() - cpu).Seconds(), runtime.GOMAXPROCS(0))
	for _, ef := range strings.Split(*curveEfs, ",") {
		n, err := strconv.Atoi(ef)
		if err != nil {
			t.Fatal(err)
		}
		printPoint(set, x, n)
	}
}

// printPoint prints one point. The rate is that of the best of several rounds, by
// the processor time of this thread where that is known: others may be running.
func printPoint(set *indextest.Set, x *Index, ef int) {
	recall := indextest.Recall(set, 10, func(q []float32, dst []index.Hit) []index.Hit {
		return x.Search(q, index.Params{K: 10, Ef: ef}, dst)
	})
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var hits []index.Hit
	best := time.Hour
	const repeat = 10 // processor time may be counted in steps of 4 ms
	var tr, sum index.Trace
	for round := range 12 {
		start := threadTime()
		for range repeat {
			for _, q := range set.Queries {
				hits = x.Search(q, index.Params{K: 10, Ef: ef}, hits[:0])
			}
		}
		best = min(best, (threadTime()-start)/repeat)
		if round > 0 {
			continue
		}
		for _, q := range set.Queries {
			hits = x.Search(q, index.Params{K: 10, Ef: ef, Trace: &tr}, hits[:0])
			sum.Hops += tr.Hops
			sum.Distances += tr.Distances
		}
	}
	n := len(set.Queries)
	fmt.Printf("ef %4d  recall %.4f  qps %7.0f  hops %d  distances %d\n", ef, recall,
		float64(n)/best.Seconds(), sum.Hops/n, sum.Distances/n)
}
