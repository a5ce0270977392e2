package filter

import (
	"errors"
	"math"

	"github.com/vectorizer-go/vectorizer/engine/filter/rawjson"
)

// ErrPayload says that a payload is not a JSON object that rawjson.Check
// accepts.
var ErrPayload = errors.New("filter: malformed payload")

// maxWalkDepth bounds the recursion of a walk; checked payloads stay below.
const maxWalkDepth = 256

// Match reports whether the vector with this id and payload satisfies the
// filter; see Filter.Match.
func (p *Program) Match(id string, payload []byte) (bool, error) {
	if len(p.leaves) == 0 {
		return p.tree.holds(nil, id), nil
	}
	w := p.pool.Get().(*walker)
	ok := w.run(id, payload, 0)
	bad := w.bad
	w.b, w.id, w.bad = nil, "", false
	p.pool.Put(w)
	if bad {
		return false, ErrPayload
	}
	return ok, nil
}

// walker evaluates one Program. It is used by one goroutine at a time.
type walker struct {
	p     *Program
	b     []byte
	id    string
	flags []uint8   // per leaf
	inner []*walker // per leaf; nil but for leafNested
	text  []byte    // scratch for strings with escapes
	cur   item      // under test; here so that it need not be allocated
	depth int
	bad   bool
}

// Flags of a leaf.
const (
	flagHit  = 1 << iota // a value passed the test
	flagSeen             // the key reached a value
)

func newWalker(p *Program) *walker {
	w := &walker{p: p, flags: make([]uint8, len(p.leaves)), inner: make([]*walker, len(p.leaves))}
	for i, l := range p.leaves {
		if l.inner != nil {
			w.inner[i] = newWalker(l.inner)
		}
	}
	return w
}

// run evaluates the object at b[at:], or nothing at all when b is empty.
func (w *walker) run(id string, b []byte, at int) bool {
	w.b, w.id, w.depth = b, id, 0
	clear(w.flags)
	at = rawjson.SkipSpace(b, at)
	switch rawjson.KindOf(b, at) {
	case rawjson.Object:
		if len(w.p.leaves) > 0 && w.object(at, &w.p.root, true) < 0 {
			w.bad = true
		}
	case rawjson.Null:
	default:
		w.bad = w.bad || at < len(b)
	}
	return w.p.tree.holds(w, id)
}

// value walks the value at b[at] of trie node t and returns the index behind it,
// -1 when it is broken.
func (w *walker) value(at int, t *trie) int {
	if w.depth++; w.depth > maxWalkDepth {
		return -1
	}
	end := w.valueOf(rawjson.KindOf(w.b, at), at, t)
	w.depth--
	return end
}

func (w *walker) valueOf(kind rawjson.Kind, at int, t *trie) int {
	switch kind {
	case rawjson.Invalid:
		return -1
	case rawjson.Array:
		return w.array(at, t)
	case rawjson.Object:
		if len(t.leaves) > 0 {
			w.cur = item{kind: rawjson.Object, at: at}
			w.test(t.leaves)
			w.whole(t.leaves, 1, false, true)
		}
		if len(t.names) > 0 {
			return w.object(at, t, false)
		}
		return rawjson.Skip(w.b, at)
	}
	if len(t.leaves) == 0 {
		return rawjson.Skip(w.b, at)
	}
	end := w.read(at)
	if end >= 0 {
		w.test(t.leaves)
		null := w.cur.kind == rawjson.Null
		w.whole(t.leaves, boolInt(!null), null, !null)
	}
	return end
}

// object walks the members that t names; the rest is skipped. With brief it
// stops after the last of them, and the index returned means nothing.
func (w *walker) object(at int, t *trie, brief bool) int {
	it := rawjson.Iter(w.b, at)
	left := len(t.names)
	for {
		key, escaped, at, ok := it.Next()
		if !ok {
			return it.End()
		}
		if escaped {
			w.text = rawjson.AppendUnquoted(w.text[:0], key)
			key = w.text
		}
		child := t.named(key)
		if child == nil {
			it.After(rawjson.Skip(w.b, at))
			continue
		}
		end := w.value(at, child)
		if left--; left == 0 && brief && end >= 0 {
			return end
		}
		it.After(end)
	}
}

// array walks the elements of the array at b[at].
func (w *walker) array(at int, t *trie) int {
	it := rawjson.Iter(w.b, at)
	n, null := 0, false
	for ; ; n++ {
		_, _, at, ok := it.Next()
		if !ok {
			break
		}
		end := w.element(at, n, t)
		null = null || rawjson.KindOf(w.b, at) == rawjson.Null
		it.After(end)
	}
	if len(t.leaves) > 0 {
		w.whole(t.leaves, n, null, n > 0)
	}
	return it.End()
}

// element walks the n-th element of an array: as a value of the conditions on
// the array, as what "[]" and "[n]" reach, and as what names step through.
func (w *walker) element(at, n int, t *trie) int {
	var end int
	kind := rawjson.KindOf(w.b, at)
	if kind == rawjson.Array || kind == rawjson.Object {
		if kind == rawjson.Object && len(t.leaves) > 0 {
			w.cur = item{kind: rawjson.Object, at: at}
			w.test(t.leaves)
		}
		if len(t.names) > 0 {
			end = w.through(at, t)
		} else {
			end = rawjson.Skip(w.b, at)
		}
	} else if len(t.leaves) > 0 {
		if end = w.read(at); end >= 0 {
			w.test(t.leaves)
		}
	} else {
		end = rawjson.Skip(w.b, at)
	}
	if end < 0 {
		return -1
	}
	if t.every != nil && w.value(at, t.every) < 0 {
		return -1
	}
	for _, c := range t.index {
		if c.n == n && w.value(at, c.to) < 0 {
			return -1
		}
	}
	return end
}

// through steps by t's names into an object, or into those of an array.
func (w *walker) through(at int, t *trie) int {
	switch rawjson.KindOf(w.b, at) {
	case rawjson.Object:
		return w.object(at, t, false)
	case rawjson.Array:
	default:
		return rawjson.Skip(w.b, at)
	}
	if w.depth++; w.depth > maxWalkDepth {
		return -1
	}
	defer func() { w.depth-- }()
	it := rawjson.Iter(w.b, at)
	for {
		_, _, at, ok := it.Next()
		if !ok {
			return it.End()
		}
		it.After(w.through(at, t))
	}
}

// read makes the scalar or null at b[at] current and returns the index behind it.
func (w *walker) read(at int) int {
	v := &w.cur
	v.kind, v.at = rawjson.KindOf(w.b, at), at
	switch v.kind {
	case rawjson.Invalid:
		return -1
	case rawjson.String:
		end, escaped := rawjson.EndString(w.b, at)
		if end < 0 {
			return -1
		}
		v.text = w.b[at+1 : end-1]
		if escaped {
			w.text = rawjson.AppendUnquoted(w.text[:0], v.text)
			v.text = w.text
		}
		return end
	case rawjson.Num:
		end := rawjson.EndScalar(w.b, at)
		n, ok := rawjson.ParseNumber(w.b[at:end])
		if !ok {
			return -1
		}
		v.num = n
		return end
	}
	return rawjson.EndScalar(w.b, at)
}

// test asks the conditions that judge elements about the current item.
func (w *walker) test(leaves []int) {
	v := &w.cur
	for _, i := range leaves {
		switch l := &w.p.leaves[i]; {
		case w.flags[i]&flagHit != 0:
		case l.kind == leafElement && l.test(w, v):
			w.flags[i] |= flagHit
		case l.kind == leafNested && v.kind == rawjson.Object:
			in := w.inner[i]
			if in.run(w.id, w.b, v.at) {
				w.flags[i] |= flagHit
			}
			w.bad = w.bad || in.bad
			in.b, in.id, in.bad = nil, "", false
		}
	}
}

// whole tells the conditions that judge a value as a whole about one: how many
// values it counts for, whether it is or has a null, and whether it is something.
func (w *walker) whole(leaves []int, count int, null, filled bool) {
	for _, i := range leaves {
		hit := false
		switch l := &w.p.leaves[i]; l.kind {
		case leafFilled:
			hit = filled
		case leafNull:
			hit = null
		case leafCount:
			hit = uint64(count) >= l.min && uint64(count) <= l.max
			w.flags[i] |= flagSeen
		}
		if hit {
			w.flags[i] |= flagHit
		}
	}
}

// point reads the object v as a place.
func (w *walker) point(v *item) (Point, bool) {
	if v.kind != rawjson.Object {
		return Point{}, false
	}
	return readPoint(w.b, v.at)
}

// readPoint reads {"lat": number, "lon": number} among other members.
func readPoint(b []byte, at int) (p Point, ok bool) {
	it := rawjson.Iter(b, at)
	lat, lon := false, false
	var buf [3 * len(`\u0000`)]byte // "lat" fully escaped
	for {
		key, escaped, at, more := it.Next()
		if !more {
			return p, lat && lon && math.Abs(p.Lat) <= 90 && math.Abs(p.Lon) <= 180
		}
		if escaped && len(key) <= len(buf) {
			key = rawjson.AppendUnquoted(buf[:0], key)
		}
		end := rawjson.Skip(b, at)
		it.After(end)
		if end < 0 || len(key) != 3 || rawjson.KindOf(b, at) != rawjson.Num {
			continue
		}
		n, isNumber := rawjson.ParseNumber(b[at:end])
		switch {
		case !isNumber:
		case string(key) == "lat":
			p.Lat, lat = n.Float64(), true
		case string(key) == "lon":
			p.Lon, lon = n.Float64(), true
		}
	}
}

// holds works out the tree over w's flags.
func (s *step) holds(w *walker, id string) bool {
	switch s.op {
	case opAnd:
		for i := range s.kids {
			if !s.kids[i].holds(w, id) {
				return false
			}
		}
		return true
	case opAtLeast:
		left := s.min
		for i := range s.kids {
			if left <= 0 {
				break
			}
			if s.kids[i].holds(w, id) {
				left--
			}
		}
		return left <= 0
	case opNot:
		return !s.kids[0].holds(w, id)
	case opHasID:
		return s.ids.has(id)
	}
	return w.leafHolds(s.leaf)
}

func (w *walker) leafHolds(i int) bool {
	hit := w.flags[i]&flagHit != 0
	switch l := &w.p.leaves[i]; l.kind {
	case leafFilled:
		return !hit
	case leafCount:
		return hit || w.flags[i]&flagSeen == 0 && l.min == 0 && l.max >= l.min
	}
	return hit
}
