package crashtest

import (
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

const (
	dimension     = 16
	idsPerWorker  = 60
	workersOfEach = 3
)

// collections under load, with their metrics.
var metrics = map[string]string{"near": "euclidean", "like": "cosine"}

// state is what an id holds: versions of its vector and payload, from which both
// follow. The zero state is an absent id.
type state struct{ vec, pay int }

// vectorOf is the vector of a version.
func vectorOf(id string, version int) []float32 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(id))
	r := rand.New(rand.NewPCG(h.Sum64(), uint64(version)))
	v := make([]float32, dimension)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

// payloadOf is the payload of a version, as JSON decodes it.
func payloadOf(id string, version int) object {
	return object{
		"id": id, "version": float64(version), "odd": version%2 == 1,
		"text": fmt.Sprintf("é %s \n %d", id, version), "list": []any{float64(version), nil, "x"},
	}
}

// worker changes ids that nobody else changes, one request at a time.
type worker struct {
	coll   string
	prefix string
	rnd    *rand.Rand
	next   int // version
	acked  map[string]state
	// pending is what the request changes whose answer never came.
	pending map[string]state
	done    int // requests acknowledged
}

func newWorkers(seed uint64) []*worker {
	var list []*worker
	for coll := range metrics {
		for i := range workersOfEach {
			list = append(list, &worker{
				coll: coll, prefix: fmt.Sprintf("%s/%d é/", coll, i),
				rnd:   rand.New(rand.NewPCG(seed, uint64(len(list)))),
				acked: map[string]state{},
			})
		}
	}
	return list
}

func (w *worker) id() string { return fmt.Sprint(w.prefix, w.rnd.IntN(idsPerWorker)) }

func (w *worker) version() int {
	w.next++
	return w.next
}

// pick returns up to n different ids that are there.
func (w *worker) pick(n int) []string {
	var ids []string
	for range n {
		if id := w.id(); w.acked[id].vec != 0 && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// work sends requests until the connection fails, and returns what else is wrong.
func (w *worker) work(url string) error {
	c := newCaller(url)
	defer c.close()
	for {
		method, path, body := w.request()
		if method == "" {
			continue
		}
		var text string
		status, err := c.try(method, path, body, &text)
		switch {
		case err != nil:
			return nil // pending stays
		case status != 200:
			return fmt.Errorf("%s %s: status %d: %.300s", method, path, status, text)
		}
		w.settle(w.pending)
		w.done++
	}
}

// settle takes changes as made.
func (w *worker) settle(changes map[string]state) {
	for id, s := range changes {
		if s.vec == 0 {
			delete(w.acked, id)
		} else {
			w.acked[id] = s
		}
	}
	w.pending = nil
}

// request makes up the next request and notes in pending what it changes.
func (w *worker) request() (method, path string, body any) {
	w.pending = map[string]state{}
	one := "/api/v1/collections/" + w.coll
	switch n := w.rnd.IntN(10); {
	case n < 5: // upsert some
		var list []object
		for range 1 + w.rnd.IntN(8) {
			id, v := w.id(), w.version()
			if _, twice := w.pending[id]; twice {
				continue
			}
			w.pending[id] = state{v, v}
			list = append(list, object{"id": id, "vector": vectorOf(id, v), "payload": payloadOf(id, v)})
		}
		return "POST", one + "/vectors", object{"vectors": list}
	case n < 7: // change vectors or payloads of some
		var list []object
		for _, id := range w.pick(5) {
			s, v := w.acked[id], w.version()
			if w.rnd.IntN(2) == 0 {
				w.pending[id] = state{v, s.pay}
				list = append(list, object{"id": id, "vector": vectorOf(id, v)})
			} else {
				w.pending[id] = state{s.vec, v}
				list = append(list, object{"id": id, "payload": payloadOf(id, v)})
			}
		}
		if len(list) == 0 {
			return "", "", nil
		}
		return "POST", "/api/v1/batch_update", object{"collection": w.coll, "updates": list}
	case n < 8: // merge into one payload
		for _, id := range w.pick(1) {
			s, v := w.acked[id], w.version()
			w.pending[id] = state{s.vec, v}
			return "POST", "/api/v1/update", object{"collection": w.coll, "id": id, "metadata": payloadOf(id, v)}
		}
		return "", "", nil
	}
	ids := w.pick(4)
	if len(ids) == 0 {
		return "", "", nil
	}
	for _, id := range ids {
		w.pending[id] = state{}
	}
	return "POST", "/api/v1/batch_delete", object{"collection": w.coll, "ids": ids}
}

// record is a vector as the server returns it.
type record struct {
	ID      string    `json:"id"`
	Vector  []float32 `json:"vector"`
	Payload object    `json:"payload"`
}

// is reports whether r is exactly what s says; the zero record is an absent one.
func (r record) is(id string, s state) bool {
	if s.vec == 0 {
		return r.ID == ""
	}
	return r.ID == id && slices.Equal(r.Vector, vectorOf(id, s.vec)) &&
		reflect.DeepEqual(r.Payload, payloadOf(id, s.pay))
}

// compare compares what is stored with what was acknowledged, and decides whether
// the request without an answer was carried out.
func (w *worker) compare(stored map[string]record) (carriedOut bool, wrong []string) {
	old, now := 0, 0
	for i := range idsPerWorker {
		id := fmt.Sprint(w.prefix, i)
		r := stored[id]
		s, pending := w.pending[id]
		switch {
		case !pending:
			if !r.is(id, w.acked[id]) {
				wrong = append(wrong, fmt.Sprintf("%s: %+v, want %+v", id, r, w.acked[id]))
			}
		case r.is(id, s):
			now++
		case r.is(id, w.acked[id]):
			old++
		default:
			wrong = append(wrong, fmt.Sprintf("%s is neither old nor new: %+v, want %+v or %+v",
				id, r, w.acked[id], s))
		}
	}
	if old > 0 && now > 0 {
		wrong = append(wrong, fmt.Sprintf("%s: a request is half there: %d changes of %d", w.prefix, now, old+now))
	}
	if now > 0 {
		w.settle(w.pending)
	}
	w.pending = nil
	return now > 0, wrong
}

// TestComparisonNotices plants what a crash must never leave behind.
func TestComparisonNotices(t *testing.T) {
	stored := func(states map[string]state) map[string]record {
		all := map[string]record{}
		for id, s := range states {
			if s.vec != 0 {
				all[id] = record{ID: id, Vector: vectorOf(id, s.vec), Payload: payloadOf(id, s.pay)}
			}
		}
		return all
	}
	acked := map[string]state{"p0": {1, 1}, "p1": {2, 3}}
	pending := map[string]state{"p1": {4, 4}, "p2": {5, 5}}
	check := func(name string, want int, carried bool, have map[string]state) {
		t.Helper()
		w := &worker{prefix: "p", acked: maps.Clone(acked), pending: pending}
		done, wrong := w.compare(stored(have))
		if len(wrong) != want || done != carried {
			t.Errorf("%s: carried out %v, noticed %q", name, done, wrong)
		}
	}
	check("not carried out", 0, false, acked)
	check("carried out", 0, true, map[string]state{"p0": {1, 1}, "p1": {4, 4}, "p2": {5, 5}})
	check("half carried out", 1, true, map[string]state{"p0": {1, 1}, "p1": {4, 4}})
	check("lost", 1, false, map[string]state{"p1": {2, 3}})
	check("older", 1, false, map[string]state{"p0": {1, 0}, "p1": {2, 3}})
	check("new vector with old payload", 1, false, map[string]state{"p0": {1, 1}, "p1": {4, 3}})
	check("deleted is back", 1, false, map[string]state{"p0": {1, 1}, "p1": {2, 3}, "p7": {1, 1}})
}
