package payload

import (
	"slices"

	"github.com/vectorizer-go/vectorizer/engine/filter"
	"github.com/vectorizer-go/vectorizer/engine/filter/rawjson"
)

// node is a name met in payloads, or one that was asked for: the tree by which
// the writer finds the columns of a payload.
type node struct {
	col   *column // nil when nothing is indexed here
	path  string  // canonical text, see filter.AppendName
	depth int
	kids  []child
	many  map[string]*node // of kids, when they are many
	// holdsObjects is set once Index.objects knows the path.
	holdsObjects bool
}

type child struct {
	name string
	to   *node
}

// fewKids is up to how many children of a node are compared one by one.
const fewKids = 12

// find returns the child of that name, nil if there is none. hint is where the
// child behind the one found before lies: payloads repeat their order of keys.
func (n *node) find(name []byte, hint int) (*node, int) {
	if hint < len(n.kids) && n.kids[hint].name == string(name) {
		return n.kids[hint].to, hint + 1
	}
	if n.many != nil {
		return n.many[string(name)], hint
	}
	for i := range n.kids {
		if n.kids[i].name == string(name) {
			return n.kids[i].to, i + 1
		}
	}
	return nil, hint
}

func (n *node) add(name string, path string) *node {
	to := &node{path: path, depth: n.depth + 1}
	n.kids = append(n.kids, child{name, to})
	if n.many == nil && len(n.kids) > fewKids {
		n.many = make(map[string]*node, 2*len(n.kids))
		for _, k := range n.kids {
			n.many[k.name] = k.to
		}
	} else if n.many != nil {
		n.many[name] = to
	}
	return to
}

// gather is what one payload has at one column.
type gather struct {
	on      bool
	flags   uint8
	reached int      // values that the path reached
	ids     []uint32 // of the values
	counts  []uint64 // how many values each of the reached ones counts for
}

// extractor turns a payload into an entry of forward. It is the writer's.
type extractor struct {
	x       *Index
	b       []byte
	text    []byte // scratch for strings with escapes
	touched []*column
	entry   []byte // result, valid until the next run
	depth   int
}

// maxExtractDepth bounds the recursion; valid payloads stay below.
const maxExtractDepth = 2 * MaxDepth

// run returns the entry of a payload.
func (w *extractor) run(payload []byte) []byte {
	w.b, w.depth, w.entry = payload, 0, w.entry[:0]
	at := rawjson.SkipSpace(payload, 0)
	ok := true
	switch rawjson.KindOf(payload, at) {
	case rawjson.Object:
		ok = w.object(at, w.x.root) >= 0
	case rawjson.Null:
	default:
		ok = at == len(payload)
	}
	if !ok {
		w.entry = appendColumn(w.entry, oddColumn, 1<<flagFilled, nil)
	}
	slices.SortFunc(w.touched, func(a, b *column) int { return int(a.id) - int(b.id) })
	for _, c := range w.touched {
		w.finish(c)
	}
	w.touched, w.b = w.touched[:0], nil
	return w.entry
}

// finish appends what was gathered for c.
func (w *extractor) finish(c *column) {
	g := &c.acc
	if g.reached > 1 {
		g.flags |= 1 << flagArray
	}
	if g.flags&(1<<flagArray) != 0 {
		slices.Sort(g.counts)
		for i, n := range g.counts {
			if i == 0 || n != g.counts[i-1] {
				id, fresh := c.gen.Load().countID(n)
				w.value(c, id, fresh)
			}
		}
	}
	slices.Sort(g.ids)
	g.ids = slices.Compact(g.ids)
	w.entry = appendColumn(w.entry, c.id, g.flags, g.ids)
	*g = gather{ids: g.ids[:0], counts: g.counts[:0]}
}

// value gathers a value's id.
func (w *extractor) value(c *column, id uint32, fresh bool) {
	if fresh {
		c.unused++ // until the row has it
	}
	if len(c.acc.ids) >= maxRowValues {
		c.acc.flags |= 1 << flagOverflow
		return
	}
	c.acc.ids = append(c.acc.ids, id)
}

// object walks the members of the object at b[at] and returns the index behind
// it, -1 when it is broken.
func (w *extractor) object(at int, n *node) int {
	it := rawjson.Iter(w.b, at)
	hint := 0
	for {
		key, escaped, at, ok := it.Next()
		if !ok {
			return it.End()
		}
		if escaped {
			w.text = rawjson.AppendUnquoted(w.text[:0], key)
			key = w.text
		}
		var to *node
		if to, hint = n.find(key, hint); to == nil {
			to = w.x.grow(n, key)
		}
		if to == nil {
			it.After(rawjson.Skip(w.b, at))
			continue
		}
		it.After(w.reach(at, to))
	}
}

// reach gathers the value at b[at], which the path of n reaches.
func (w *extractor) reach(at int, n *node) int {
	kind := rawjson.KindOf(w.b, at)
	switch kind {
	case rawjson.Invalid:
		return -1
	case rawjson.Array:
		return w.array(at, n)
	case rawjson.Object:
		w.x.sawObject(n)
		w.note(n, 1<<flagFilled|1<<flagObject, 1)
		return w.deeper(at, n)
	}
	w.x.register(n)
	if kind == rawjson.Null {
		w.note(n, 1<<flagNull, 0)
		return rawjson.EndScalar(w.b, at)
	}
	w.note(n, 1<<flagFilled, 1)
	return w.scalar(at, kind, n.col)
}

// note records that n's path reached a value: its flags and how many values it
// counts for.
func (w *extractor) note(n *node, flags uint8, count uint64) {
	if n.col == nil {
		return
	}
	g := &n.col.acc
	if !g.on {
		g.on = true
		w.touched = append(w.touched, n.col)
	}
	g.flags |= flags
	g.reached++
	if len(g.counts) < maxRowValues {
		g.counts = append(g.counts, count)
	} else {
		g.flags |= 1 << flagOverflow
	}
}

// array gathers the array at b[at].
func (w *extractor) array(at int, n *node) int {
	if w.depth++; w.depth > maxExtractDepth {
		return -1
	}
	it := rawjson.Iter(w.b, at)
	count, flags, deep := uint64(0), uint8(1<<flagArray), false
	for ; ; count++ {
		_, _, at, ok := it.Next()
		if !ok {
			break
		}
		flags |= 1 << flagFilled
		end := -1
		switch kind := rawjson.KindOf(w.b, at); kind {
		case rawjson.Invalid:
		case rawjson.Object:
			w.x.sawObject(n)
			flags |= 1 << flagObject
			end = w.deeper(at, n)
		case rawjson.Array:
			w.x.register(n)
			deep = true
			end = w.through(at, n)
		case rawjson.Null:
			w.x.register(n)
			flags |= 1 << flagNull
			end = rawjson.EndScalar(w.b, at)
		default:
			w.x.register(n)
			end = w.scalar(at, kind, n.col)
		}
		it.After(end)
	}
	w.note(n, flags, count)
	if deep {
		w.note(n, flags, countDeep)
	}
	w.depth--
	return it.End()
}

// deeper walks the object at b[at] for the names below n.
func (w *extractor) deeper(at int, n *node) int {
	if len(n.kids) == 0 && !w.x.automatic() {
		return rawjson.Skip(w.b, at)
	}
	if w.depth++; w.depth > maxExtractDepth {
		return -1
	}
	end := w.object(at, n)
	w.depth--
	return end
}

// through walks the elements of an array inside an array for the names below n;
// its scalars are not values of n's path.
func (w *extractor) through(at int, n *node) int {
	if w.depth++; w.depth > maxExtractDepth {
		return -1
	}
	it := rawjson.Iter(w.b, at)
	for {
		_, _, at, ok := it.Next()
		if !ok {
			w.depth--
			return it.End()
		}
		switch rawjson.KindOf(w.b, at) {
		case rawjson.Array:
			it.After(w.through(at, n))
		case rawjson.Object:
			it.After(w.deeper(at, n))
		default:
			it.After(rawjson.Skip(w.b, at))
		}
	}
}

// scalar gathers a string, number or boolean as a value of c.
func (w *extractor) scalar(at int, kind rawjson.Kind, c *column) int {
	if c == nil {
		return rawjson.Skip(w.b, at)
	}
	if !c.acc.on {
		c.acc.on = true
		w.touched = append(w.touched, c)
	}
	switch kind {
	case rawjson.String:
		return w.str(at, c)
	case rawjson.True:
		c.acc.flags |= 1 << flagTrue
	case rawjson.False:
		c.acc.flags |= 1 << flagFalse
	case rawjson.Num:
		end := rawjson.EndScalar(w.b, at)
		n, ok := filter.ParseNumber(w.b[at:end])
		if !ok {
			return -1
		}
		id, fresh := c.gen.Load().numberID(n)
		w.value(c, id, fresh)
		return end
	}
	return rawjson.EndScalar(w.b, at)
}

func (w *extractor) str(at int, c *column) int {
	end, escaped := rawjson.EndString(w.b, at)
	if end < 0 {
		return -1
	}
	s := w.b[at+1 : end-1]
	if escaped {
		w.text = rawjson.AppendUnquoted(w.text[:0], s)
		s = w.text
	}
	if len(s) > MaxStringBytes {
		c.acc.flags |= 1 << flagLong
		return end
	}
	id, fresh := c.gen.Load().stringID(s)
	w.value(c, id, fresh)
	return end
}
