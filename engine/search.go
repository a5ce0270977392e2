package engine

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/engine/index"
)

// searchAttempts is how often a search is done because hits changed under it,
// before such hits are settled by their records (settle.go); moveAttempts the same
// because ids moved between rows (update_mode reinsert), which may have hidden one.
const (
	searchAttempts = 4
	moveAttempts   = 16
)

// searcher is the reusable memory of one search.
type searcher struct {
	e   *Engine
	c   *collection
	v   *view
	req *SearchRequest
	q   []float32 // query as indexed
	ef  int
	// codes is how the walk uses codes.
	codes index.CodeUse

	unit    []float32
	settled []float32 // a hit's vector, see settle.go
	hits    []index.Hit
	scan    scanBuf
	words   []uint64 // bitmap scratch
	allow   []uint64 // bitmap of rows that may be returned
	rows    []uint32
	key     []byte // canonical text of the filter
	trace   index.Trace
	plan    Explain
	mark    time.Time
}

// searchers pools searchers: a search with ids and scores only allocates its
// result and nothing else.
type searchers struct{ pool sync.Pool }

func (p *searchers) get() *searcher {
	if s, ok := p.pool.Get().(*searcher); ok {
		return s
	}
	return &searcher{}
}

func (p *searchers) put(s *searcher) {
	s.e, s.c, s.v, s.req, s.q = nil, nil, nil, nil, nil
	s.plan = Explain{}
	p.pool.Put(s)
}

// Search returns the nearest records. Errors: errs.Validation,
// errs.DimensionMismatch, errs.CollectionNotFound, errs.NotReady,
// errs.Quarantined, errs.Timeout, errs.Cancelled, errs.StorageError.
func (e *Engine) Search(ctx context.Context, coll string, r *SearchRequest) (SearchResult, error) {
	c, err := e.cat.find(coll)
	if err != nil {
		return SearchResult{}, err
	}
	return e.searchIn(ctx, c, r)
}

// BatchItem is the outcome of one request of SearchBatch.
type BatchItem struct {
	Result SearchResult
	Err    error
}

// SearchBatch answers several requests; each has its own outcome.
func (e *Engine) SearchBatch(ctx context.Context, coll string, rs []SearchRequest) []BatchItem {
	out := make([]BatchItem, len(rs))
	c, err := e.cat.find(coll)
	if err != nil {
		for i := range out {
			out[i].Err = err
		}
		return out
	}
	each(len(rs), e.batchWorkers(rs), func(i int) { out[i].Result, out[i].Err = e.searchIn(ctx, c, &rs[i]) })
	return out
}

// batchWorkers is how many of rs are answered at once: as many as there are
// processors; but exact searches share a scan with those that wait beside them, so
// as many of these as fill two.
func (e *Engine) batchWorkers(rs []SearchRequest) int {
	exact := 0
	for i := range rs {
		if rs[i].Exact {
			exact++
		}
	}
	return max(min(len(rs), e.opts.LoadWorkers), min(exact, 2*e.scan.batchRows()))
}

// each calls fn(0..n-1) on some goroutines and returns when all are done.
func each(n, workers int, fn func(i int)) {
	if workers <= 1 {
		for i := range n {
			fn(i)
		}
		return
	}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < n; i += workers {
				fn(i)
			}
		})
	}
	wg.Wait()
}

func (e *Engine) searchIn(ctx context.Context, c *collection, r *SearchRequest) (SearchResult, error) {
	if err := checkSearch(r); err != nil {
		return SearchResult{}, err
	}
	cfg := c.config()
	norm2, err := checkVector(r.Vector, cfg)
	if err != nil {
		return SearchResult{}, err
	}
	v, err := c.acquire()
	if err != nil {
		return SearchResult{}, err
	}
	s := e.searchers.get()
	s.e, s.c, s.v, s.req, s.q = e, c, v, r, r.Vector
	defer func() {
		s.v.release()
		e.searchers.put(s)
	}()
	if cfg.Metric == compute.Cosine {
		s.unit = unit(s.unit[:0], r.Vector, norm2)
		s.q = s.unit
	}
	s.ef = cmp.Or(r.Ef, cfg.HNSW.EfSearch)
	s.codes = codeUse(&r.Codes, cfg)
	return s.run(ctx)
}

// codeUse is what a search asks for, and where it does not, the collection.
func codeUse(r *CodeUse, cfg *CollectionConfig) index.CodeUse {
	rescore := cmp.Or(r.Rescore, cfg.Rescore)
	return index.CodeUse{Ignore: r.Ignore, Estimate: rescore != nil && !*rescore,
		Oversampling: cmp.Or(r.Oversampling, cfg.Oversampling)}
}

// checkSearch checks what does not depend on the collection.
func checkSearch(r *SearchRequest) error {
	if err := checkRange("limit", r.K, 1, MaxLimit); err != nil {
		return err
	}
	if err := checkRange("offset", r.Offset, 0, MaxOffset); err != nil {
		return err
	}
	if err := checkRange("ef", r.Ef, 0, maxEfSearch); err != nil {
		return err
	}
	if err := checkOversampling(r.Codes.Oversampling); err != nil {
		return err
	}
	if t := r.Threshold; t != nil && (math.IsNaN(float64(*t)) || math.IsInf(float64(*t), 0)) {
		return errs.Invalid("threshold", "a finite number", *t)
	}
	return nil
}

// run searches until no hit changed under it.
func (s *searcher) run(ctx context.Context) (SearchResult, error) {
	start := time.Now()
	s.mark = start
	want := s.req.K + s.req.Offset
	slack := 0
	for attempt := 1; ; attempt++ {
		if ctx.Err() != nil {
			return SearchResult{}, errContext(ctx)
		}
		moves, epoch := s.v.moves.Load(), s.v.graph.Epoch()
		s.trace = index.Trace{}
		if err := s.candidates(ctx, want+slack); err != nil {
			return SearchResult{}, err
		}
		hits, stale, err := s.resolve(ctx, epoch, attempt >= searchAttempts)
		if err != nil {
			return SearchResult{}, err
		}
		if s.c.view.Load() != s.v {
			// A reindex replaced the view: changes since then show in the new
			// one only, so what was found here may not match its records.
			if err := s.renewView(); err != nil {
				return SearchResult{}, err
			}
			continue
		}
		if stale && attempt < searchAttempts {
			// More candidates than asked for: what moves away or goes at the last
			// attempt does not leave the answer short.
			slack = 8 << attempt
			continue
		}
		if s.v.moves.Load() != moves && attempt < moveAttempts {
			continue
		}
		return SearchResult{Hits: hits, Explain: s.explain(start)}, nil
	}
}

// renewView replaces the searcher's view by the collection's.
// Errors: as collection.acquire.
func (s *searcher) renewView() error {
	v, err := s.c.acquire()
	if err != nil {
		return err
	}
	s.v.release()
	s.v = v
	return nil
}

// resolve turns the candidates into the page of hits. stale says that a hit on
// it changed since epoch; such hits are left out, or, at the last attempt,
// settled.
func (s *searcher) resolve(ctx context.Context, epoch uint64, last bool) (out []Hit, stale bool, err error) {
	all, changed := s.identify(epoch, last)
	if last && changed {
		if all, err = s.settleChanged(ctx, all, epoch); err != nil {
			return nil, false, err
		}
	}
	m := s.c.config().Metric
	for i := range all {
		all[i].Score, all[i].Distance = score(m, all[i].Distance)
	}
	if t := s.req.Threshold; t != nil {
		all = slices.DeleteFunc(all, func(h Hit) bool { return h.Score < *t })
	}
	sortHits(all)
	if s.c.config().UpdateMode == UpdateReinsert {
		all = onePerID(all)
	}
	s.stage("resolve")
	all = all[min(s.req.Offset, len(all)):]
	all = all[:min(s.req.K, len(all))]
	if s.req.Fields != (Fields{}) {
		gone, err := s.fetch(ctx, all, epoch, last)
		if err != nil {
			return nil, false, err
		}
		changed = changed || gone
		all = slices.DeleteFunc(all, func(h Hit) bool { return h.ID == "" })
		if last && gone {
			sortHits(all)
		}
		s.stage("records")
		return all, changed, nil
	}
	for i := range all {
		all[i].Offset = 0
	}
	return all, changed, nil
}

// sortHits orders hits by descending score, ties by id.
func sortHits(hits []Hit) {
	slices.SortFunc(hits, func(a, b Hit) int {
		if c := cmp.Compare(b.Score, a.Score); c != 0 {
			return c
		}
		return cmp.Compare(a.ID, b.ID)
	})
}

// onePerID drops the farther of two hits of one id: while it moves between rows
// it may be met in both.
func onePerID(hits []Hit) []Hit {
	seen := make(map[string]struct{}, len(hits))
	return slices.DeleteFunc(hits, func(h Hit) bool {
		_, twice := seen[h.ID]
		seen[h.ID] = struct{}{}
		return twice
	})
}

// identify names the candidates: Distance is still the internal one, and Offset
// holds the row. The ids of
// all hits share one allocation, apart from the table's memory, so that a caller
// who keeps one hit does not keep the table.
//
// Hits whose rows changed since epoch make the result stale and are left out
// unless keep is set.
func (s *searcher) identify(epoch uint64, keep bool) (out []Hit, stale bool) {
	out = make([]Hit, 0, len(s.hits))
	size := 0
	for _, h := range s.hits {
		size += len(s.v.ids.Get(h.Row))
	}
	text := make([]byte, 0, size)
	for _, h := range s.hits {
		id := s.v.ids.Get(h.Row)
		at := len(text)
		text = append(text, id...)
		// Checked after the id was copied: a row that has not changed until now
		// had this id all along.
		if len(id) == 0 || s.v.graph.ChangedSince(h.Row, epoch) {
			stale = true
			if !keep || len(id) == 0 {
				continue
			}
		}
		name := stringOf(text[at:len(text):len(text)])
		out = append(out, Hit{Record: Record{ID: name, Offset: uint64(h.Row)}, Distance: h.Dist})
	}
	return out, stale
}

// fetch reads the records of hits. A record that is gone, moved to another row or
// changed since epoch makes the result stale and loses its ID, or is settled if
// this is the last attempt.
func (s *searcher) fetch(ctx context.Context, hits []Hit, epoch uint64, last bool) (stale bool, err error) {
	fields := s.req.Fields
	fields.Vector = fields.Vector || last
	for i := range hits {
		r, row, ok, err := s.e.read(ctx, s.c, hits[i].ID, fields)
		if err != nil {
			return false, err
		}
		if ok && !s.req.Filter.Empty() && fields.Payload {
			if ok, err = matches(s.req.Filter, r.ID, r.Payload); err != nil {
				return false, err
			}
		}
		if !ok || uint64(row) != hits[i].Offset || s.v.graph.ChangedSince(row, epoch) {
			stale = true
			if !ok || !last || !s.settle(&hits[i], r) {
				hits[i].ID = ""
				continue
			}
			m := s.c.config().Metric
			hits[i].Score, hits[i].Distance = score(m, hits[i].Distance)
			if t := s.req.Threshold; t != nil && hits[i].Score < *t {
				hits[i].ID = ""
				continue
			}
		}
		if !s.req.Fields.Vector {
			r.Vector = nil
		}
		hits[i].Record = r
	}
	return stale, nil
}

// stage notes the time since the last one, if anybody wants to know.
func (s *searcher) stage(name string) {
	if !s.req.Explain {
		return
	}
	now := time.Now()
	s.plan.Stages = append(s.plan.Stages, ExplainStage{Name: name, Took: now.Sub(s.mark)})
	s.mark = now
}

// explain returns what the search did; nil unless asked for.
func (s *searcher) explain(start time.Time) *Explain {
	if !s.req.Explain {
		return nil
	}
	x := s.plan
	x.Ef = s.ef
	x.Visited += s.trace.Hops
	x.Distances += s.trace.Distances
	x.Pending += s.trace.Pending
	x.CodeBits, x.Rescored = s.trace.Bits, s.trace.Ranked
	x.Stages = append(x.Stages, ExplainStage{Name: "total", Took: time.Since(start)})
	return &x
}
