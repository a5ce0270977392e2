package hnsw

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/vectorizer-go/vectorizer/engine/index"
	"github.com/vectorizer-go/vectorizer/engine/index/codes"
	"github.com/vectorizer-go/vectorizer/engine/index/indextest"
)

// TestThreads prints the rate of two searching threads beside that of one, taken in
// turn, and the latency of single queries, when -curve names a set:
//
//	go test ./engine/index/hnsw -run TestThreads -v -curve code-lsa-256 -codes auto
func TestThreads(t *testing.T) {
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
	for _, ef := range []int{12, 40} {
		p := index.Params{K: 10, Ef: ef}
		recall := indextest.Recall(set, 10, func(q []float32, dst []index.Hit) []index.Hit {
			return x.Search(q, p, dst)
		})
		var ratios []float64
		for range 5 {
			one := searchRate(x, set, p, 1)
			ratios = append(ratios, searchRate(x, set, p, 2)/one)
		}
		slices.Sort(ratios)
		lat := latencies(x, set, p)
		p50, p99 := lat[len(lat)/2], lat[len(lat)*99/100]
		fmt.Printf("ef %4d  recall %.4f  two threads %.2f (%.2f to %.2f) of one on %d cores  p50 %v  p99 %v = %.2f\n",
			ef, recall, ratios[2], ratios[0], ratios[4], runtime.GOMAXPROCS(0), p50, p99, float64(p99)/float64(p50))
	}
}

// searchRate is how many queries a second threads answer together.
func searchRate(x *Index, set *indextest.Set, p index.Params, threads int) float64 {
	var wg sync.WaitGroup
	answered := make([]int, threads)
	start := time.Now()
	for th := range threads {
		wg.Go(func() {
			var hits []index.Hit
			n := th * len(set.Queries) / threads
			for first := n; time.Since(start) < 700*time.Millisecond; answered[th] = n - first {
				for range 20 { // looking at the clock is not what is measured
					hits = x.Search(set.Queries[n%len(set.Queries)], p, hits[:0])
					n++
				}
			}
		})
	}
	wg.Wait()
	sum := 0
	for _, n := range answered {
		sum += n
	}
	return float64(sum) / time.Since(start).Seconds()
}

// latencies are the times of single queries, in order.
func latencies(x *Index, set *indextest.Set, p index.Params) []time.Duration {
	var hits []index.Hit
	var all []time.Duration
	for range 20 {
		for _, q := range set.Queries {
			start := time.Now()
			hits = x.Search(q, p, hits[:0])
			all = append(all, time.Since(start))
		}
	}
	slices.Sort(all)
	return all
}
