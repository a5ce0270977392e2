package engine

import (
	"context"
	"fmt"
	"hash/maphash"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// keptFilters are asked again and again; the rows of each have n or g.
var keptFilters = []string{
	`{"must":[{"key":"n","range":{"lt":5}}]}`,
	`{"must":[{"key":"g","match":{"value":"a"}}]}`,
	`{"must_not":[{"key":"g","match":{"value":"a"}}]}`,
	`{"should":[{"key":"n","match":{"value":3}},{"has_id":["id1","id7","id40"]}]}`,
	`{"must":[{"is_empty":{"key":"n"}}]}`,
	`{"must":[{"key":"g","match":{"text":"b"}},{"key":"n","range":{"gte":2}}]}`,
}

// found asks with a filter for everything and returns the ids and why the plan.
func found(t *testing.T, e *Engine, text string) (ids []string, reason string) {
	t.Helper()
	res, err := e.Search(context.Background(), "a",
		&SearchRequest{Vector: []float32{1, 2, 3, 4}, K: 500, Filter: mustFilter(t, text), Explain: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range res.Hits {
		ids = append(ids, h.ID)
	}
	slices.Sort(ids)
	return ids, res.Explain.Reason
}

// TestKeptMatches changes records in every way and asks every filter three times
// after each change: the first answer is worked out, a later one may be kept.
func TestKeptMatches(t *testing.T) {
	e := openTest(t, Options{Fsync: FsyncOff})
	create(t, e, "a", 4, compute.L2)
	r := rand.New(rand.NewPCG(3, 3))
	have, known := map[string]string{}, 0
	vec := func() []float32 { return []float32{r.Float32(), r.Float32(), r.Float32(), r.Float32()} }
	for range 150 {
		id := fmt.Sprint("id", r.IntN(60))
		op := Op{ID: id, Payload: fmt.Appendf(nil, `{"n":%d,"g":%q}`, r.IntN(8), []string{"a", "ab", "c"}[r.IntN(3)])}
		switch _, ok := have[id]; {
		case !ok || r.IntN(3) == 0:
			op.Kind, op.Vector = OpUpsert, vec()
			have[id] = string(op.Payload)
		case r.IntN(2) == 0:
			op.Kind, op.PayloadMode = OpUpdate, PayloadReplace
			have[id] = string(op.Payload)
		default:
			op.Kind, op.Payload = OpDelete, nil
			delete(have, id)
		}
		res, err := e.Write(context.Background(), Mutation{Collection: "a", Ops: []Op{op}})
		if err != nil || res.Items[0].Err != nil {
			t.Fatal(err, res)
		}
		for _, text := range keptFilters {
			var want []string
			for _, id := range slices.Sorted(maps.Keys(have)) {
				ok, err := matches(mustFilter(t, text), id, []byte(have[id]))
				if err != nil {
					t.Fatal(err)
				}
				if ok {
					want = append(want, id)
				}
			}
			for range 3 {
				got, reason := found(t, e, text)
				if !slices.Equal(got, want) {
					t.Fatalf("%s after %v: %v, want %v (%s)", text, op, got, want, reason)
				}
				if strings.Contains(reason, "known") {
					known++
				}
			}
		}
	}
	if known < 300 {
		t.Errorf("only %d of 2,700 answers were from kept rows", known)
	}
}

// TestKeptMatchesBesideWrites has searches keep rows while a writer changes them: what
// the writer was answered for, it finds.
func TestKeptMatchesBesideWrites(t *testing.T) {
	e := openTest(t, Options{Fsync: FsyncOff})
	create(t, e, "a", 4, compute.L2)
	text := keptFilters[0]
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					found(t, e, text)
				}
			}
		})
	}
	for i := range 400 {
		id := fmt.Sprint("id", i%20)
		in := i/20%2 == 0
		n := 9
		if in {
			n = 1
		}
		upsert(t, e, "a", id, []float32{1, 2, 3, float32(i % 2)}, fmt.Sprintf(`{"n":%d}`, n))
		if got, _ := found(t, e, text); slices.Contains(got, id) != in {
			t.Errorf("change %d: found %v, want %s in it: %v", i, got, id, in)
			break
		}
	}
	close(stop)
	wg.Wait()
}

// TestMatchCachePlaces fills one set: a filter keeps its place when its rows change,
// and takes that of an earlier version before one that is of use.
func TestMatchCachePlaces(t *testing.T) {
	c := newMatchCache()
	one, two := matchVersion{graph: 1}, matchVersion{graph: 2}
	m := matching{n: 2, list: []uint32{3, 70}}
	keep := func(key string, at matchVersion) {
		for range 2 { // the first time it is only taken note of
			c.offer([]byte(key), at, &m, 1000)
		}
	}
	has := func(key string, at matchVersion) bool {
		got, ok := c.find([]byte(key), at)
		return ok && slices.Equal(got.list, m.list)
	}
	c.offer([]byte("once"), one, &m, 1000)
	if has("once", one) {
		t.Error("kept the rows of a filter that was asked once")
	}
	long := strings.Repeat("x", maxCacheKey+1)
	if keep(long, one); has(long, one) {
		t.Error("kept the rows of a filter that is too long")
	}
	for i := range 1000 {
		key := fmt.Sprint(i)
		keep(key, one)
		if !has(key, one) || has(key, two) {
			t.Fatalf("%s: kept %v, for another version %v", key, has(key, one), has(key, two))
		}
		keep(key, two)
		if has(key, one) || !has(key, two) {
			t.Fatalf("%s: the earlier version kept %v, the present one %v", key, has(key, one), has(key, two))
		}
	}
	if most := int64(cacheSets * cacheWays * (2*4 + 3)); c.bytes() > most || c.bytes() == 0 {
		t.Errorf("%d bytes, want at most %d", c.bytes(), most)
	}
	c = newMatchCache()
	sets := map[uint64][]string{}
	var set []string // keys of one set
	for i := 0; len(set) <= cacheWays; i++ {
		key := fmt.Sprint("key", i)
		at := maphash.String(c.seed, key) % cacheSets
		sets[at] = append(sets[at], key)
		set = sets[at]
	}
	keep(set[0], one)
	keep(set[1], two)
	keep(set[2], two)
	if has(set[0], one) || !has(set[1], two) || !has(set[2], two) {
		t.Error("what was of an earlier version did not give way")
	}
}

// TestMatchingForms turns every form of a set of rows into the others.
func TestMatchingForms(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	for _, of := range []int{1, 64, 1000, 70000} {
		for _, share := range []float64{0, 0.001, 0.3, 1} {
			var rows []uint32
			for i := range of {
				if r.Float64() < share {
					rows = append(rows, uint32(i))
				}
			}
			list := matching{n: len(rows), list: append([]uint32{}, rows...)}
			var words []uint64
			bits := matching{n: len(rows), words: append([]uint64{}, list.dense(&words)...)}
			bitmap := matchingOf(roaring.BitmapOf(rows...))
			for _, m := range []matching{list, bits, bitmap, bits.copied(of), bitmap.copied(of)} {
				var w []uint64
				var l []uint32
				if got := m.listed(&l); !slices.Equal(got, rows) {
					t.Fatalf("%d of %d rows: listed %d", len(rows), of, len(got))
				}
				if got := m.dense(&w); !slices.Equal(got, bits.words) {
					t.Fatalf("%d of %d rows: dense differs", len(rows), of)
				}
			}
		}
	}
}
