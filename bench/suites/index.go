package suites

import (
	"context"
	"math"
	"runtime"
	"sync"
	"time"

	"github.com/vectorizer-go/vectorizer/bench/dataset"
	"github.com/vectorizer-go/vectorizer/bench/query"
	"github.com/vectorizer-go/vectorizer/cpu/simd"
	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/index"
	"github.com/vectorizer-go/vectorizer/engine/index/codes"
	"github.com/vectorizer-go/vectorizer/engine/index/hnsw"
)

// buildIndex builds a graph over the first rows of the set in this process and returns
// how long that took. The caller closes it.
func buildIndex(e *Env, rows int) (*hnsw.Index, time.Duration, error) {
	part := *e.Set
	part.Base = part.Base[:rows*part.Dim]
	return buildWith(e, &part, codes.Auto)
}

// buildWith is buildIndex of any set, walked by codes of a kind.
func buildWith(e *Env, set *dataset.Set, kind codes.Kind) (*hnsw.Index, time.Duration, error) {
	x, err := hnsw.New(hnsw.Config{Dim: set.Dim, Metric: set.Metric, M: e.M, EfConstruction: e.EfC,
		LinkWorkers: e.BuildTh, Quantization: kind})
	if err != nil {
		return nil, 0, err
	}
	begin := time.Now()
	buf := make([]float32, set.Dim)
	for i := range set.Rows() {
		if err := x.Put(uint32(i), prepare(set.Metric, buf, set.Row(i))); err != nil {
			return nil, 0, err
		}
	}
	x.Wait()
	return x, time.Since(begin), nil
}

// prepare returns v as an index takes it: of unit length under cosine, made in
// buf; else v itself.
func prepare(m compute.Metric, buf, v []float32) []float32 {
	if m != compute.Cosine {
		return v
	}
	scale := float32(1 / math.Sqrt(float64(simd.DotF32(v, v))))
	for i, x := range v {
		buf[i] = x * scale
	}
	return buf[:len(v)]
}

// indexSpeed is one measurement of an index in process.
type indexSpeed struct {
	recall float64
	qps    float64
	cpu    time.Duration // of the searching threads per search; 0 when unknown
}

// searchIndex asks every query again and again for about seconds in each of
// threads goroutines. Making a query ready, which under cosine is normalising
// it, is part of a search.
func searchIndex(ctx context.Context, e *Env, x index.Graph, ef, threads int, seconds float64) (indexSpeed, error) {
	set := e.Set
	out := indexSpeed{recall: indexRecall(e, x, ef)}
	counts, used := make([]int, threads), make([]time.Duration, threads)
	cpus := searchCPUs(threads)
	var wg sync.WaitGroup
	begin := time.Now()
	for t := range threads {
		wg.Go(func() {
			runtime.LockOSThread() // for good: the thread is pinned and ends with this goroutine
			pinThread(cpus, t)
			before := threadCPU()
			s := newSearcher(set, e.K)
			// At least once: a thread that gets the processor late measures too.
			for counts[t] == 0 || time.Since(begin).Seconds() < seconds && ctx.Err() == nil {
				for q := range set.NumQueries() {
					s.search(x, (q+t)%set.NumQueries(), ef)
				}
				counts[t] += set.NumQueries()
			}
			used[t] = threadCPU() - before
		})
	}
	wg.Wait()
	total, cpu := 0, time.Duration(0)
	for t := range threads {
		total += counts[t]
		cpu += used[t]
	}
	out.qps = float64(total) / time.Since(begin).Seconds()
	out.cpu = cpu / time.Duration(max(total, 1))
	return out, ctx.Err()
}

// indexRecall is the mean recall over all queries.
func indexRecall(e *Env, x index.Graph, ef int) float64 {
	s, checker := newSearcher(e.Set, e.K), query.NewChecker(e.Set, e.K)
	sum := 0.0
	rows := make([]int32, 0, e.K)
	for q := range e.Set.NumQueries() {
		rows = rows[:0]
		for _, h := range s.search(x, q, ef) {
			rows = append(rows, int32(h.Row))
		}
		sum += checker.Recall(q, rows)
	}
	return sum / float64(e.Set.NumQueries())
}

// searcher holds the buffers of one thread.
type searcher struct {
	set  *dataset.Set
	k    int
	buf  []float32
	hits []index.Hit
}

func newSearcher(set *dataset.Set, k int) *searcher {
	return &searcher{set: set, k: k, buf: make([]float32, set.Dim), hits: make([]index.Hit, 0, k)}
}

// search returns the hits of query q, valid until the next call.
func (s *searcher) search(x index.Graph, q, ef int) []index.Hit {
	v := prepare(s.set.Metric, s.buf, s.set.Query(q))
	s.hits = x.Search(v, index.Params{K: s.k, Ef: ef}, s.hits[:0])
	return s.hits
}
