package payload

import (
	"bytes"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/vectorizer-go/vectorizer/engine/filter"
)

// Index indexes the payloads of the rows of one collection. Set and Clear are
// called by one writer at a time; every other method may be called from any
// goroutine beside it.
type Index struct {
	known   atomic.Pointer[paths]
	changes changes
	maxRow  atomic.Uint32 // no row above it was ever set

	// mu guards: root, named, rows, ext and what columns call the writer's. It is
	// the writer's but for readers that the changes overran twice.
	mu    sync.Mutex
	root  *node
	named bool // only the paths given to New are indexed
	nodes int
	rows  forward
	ext   extractor
	flip  flipper
}

// paths is what an Index knows of paths. It is immutable.
type paths struct {
	columns []*column          // by id; the first is for rows that are unknown
	byPath  map[string]*column // those that filters can ask for
	// objects are paths without a column, or met before they had one, at which
	// there were objects: they tell nothing about what is there.
	objects map[string]struct{}
	// partial is set when paths exist that are in neither: a path not found may
	// hold anything.
	partial bool
}

// oddColumn is the column whose filled rows are unknown altogether.
const oddColumn = 0

// New returns an empty index of the values at the given paths (filter keys
// without steps into arrays), at most MaxNamedPaths. nil indexes every path at
// which a scalar is met, up to MaxAutoPaths. Paths that no filter key can spell
// are left out.
func New(names []string) *Index {
	x := &Index{root: &node{}, named: names != nil}
	x.ext.x = x
	k := &paths{byPath: map[string]*column{}, partial: x.named}
	k.columns = []*column{newColumn("", oddColumn)}
	for _, name := range names {
		p, err := filter.ParsePath(name)
		if err != nil || len(k.columns) > MaxNamedPaths {
			continue
		}
		n := x.root
		for _, s := range p.Steps() {
			if s.Kind != filter.StepName {
				continue
			}
			to, _ := n.find([]byte(s.Name), 0)
			if to == nil {
				to = n.add(s.Name, string(filter.AppendName([]byte(n.path), s.Name)))
			}
			n = to
		}
		if n.col == nil {
			n.col = newColumn(n.path, uint32(len(k.columns)))
			k.columns = append(k.columns, n.col)
			k.byPath[n.path] = n.col
		}
	}
	x.known.Store(k)
	return x
}

// Set makes payload (a JSON object that Validate accepts, or nothing) what row
// has, in place of what it had.
func (x *Index) Set(row uint32, payload []byte) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.replace(row, x.ext.run(payload))
}

// Clear makes row have nothing. The caller takes it out of the live rows.
func (x *Index) Clear(row uint32) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.replace(row, nil)
}

// Paths returns the indexed paths, sorted.
func (x *Index) Paths() []string { return slices.Sorted(maps.Keys(x.known.Load().byPath)) }

// MemoryBytes returns the bytes held, counted by walking everything.
func (x *Index) MemoryBytes() int64 {
	x.mu.Lock()
	size := x.rows.memory() + int64(x.nodes)*128
	x.mu.Unlock()
	for _, c := range x.known.Load().columns {
		size += c.memory()
	}
	return size
}

// Changes returns a number that grows with every change of a row: what was
// selected at one number is still true at the same one, but for rows in Verify.
func (x *Index) Changes() uint64 { return x.changes.started.Load() }

// Version is a state of an Index, to be compared with ==.
type Version struct {
	changes uint64
	known   *paths
}

// Version returns the state now: what Select finds Exact after it returned is so as
// long as it returns the same. Paths count beside rows, because a row can come to
// have something at a path that nobody indexes without any change of its own.
func (x *Index) Version() Version { return Version{x.changes.started.Load(), x.known.Load()} }

func (x *Index) automatic() bool { return !x.named }

// grow returns a new child of n for a name met, or nil when it is not indexed.
func (x *Index) grow(n *node, name []byte) *node {
	if x.named {
		return nil
	}
	k := x.known.Load()
	full := len(k.columns) > MaxAutoPaths
	if n.depth == filter.MaxKeySteps || len(n.path)+len(name) > filter.MaxKeyBytes {
		return nil // no filter can ask for it
	}
	if full || x.nodes >= maxNodes {
		x.giveUp()
		return nil
	}
	x.nodes++
	return n.add(string(name), string(filter.AppendName([]byte(n.path), string(name))))
}

// register gives n a column, if paths are indexed as they are met.
func (x *Index) register(n *node) {
	if n.col != nil || x.named {
		return
	}
	k := x.known.Load()
	if len(k.columns) > MaxAutoPaths {
		x.giveUp()
		return
	}
	n.col = newColumn(n.path, uint32(len(k.columns)))
	x.learn(func(k *paths) {
		k.columns = append(slices.Clone(k.columns), n.col)
		k.byPath = maps.Clone(k.byPath)
		k.byPath[n.path] = n.col
	})
}

// sawObject records that n's path reached an object before it had a column.
func (x *Index) sawObject(n *node) {
	if n.holdsObjects || n.col != nil || x.named {
		return
	}
	n.holdsObjects = true
	x.learn(func(k *paths) {
		if len(k.objects) >= maxObjectPaths {
			k.partial = true
			return
		}
		k.objects = maps.Clone(k.objects)
		if k.objects == nil {
			k.objects = map[string]struct{}{}
		}
		k.objects[n.path] = struct{}{}
	})
}

// giveUp records that there are paths that are not indexed.
func (x *Index) giveUp() {
	if !x.known.Load().partial {
		x.learn(func(k *paths) { k.partial = true })
	}
}

// learn publishes a changed copy of what is known of paths.
func (x *Index) learn(change func(k *paths)) {
	k := *x.known.Load()
	change(&k)
	x.known.Store(&k)
}

// replace makes entry what row has. mu is held.
func (x *Index) replace(row uint32, entry []byte) {
	old := x.rows.get(row)
	if bytes.Equal(old, entry) {
		return
	}
	if row > x.maxRow.Load() {
		x.maxRow.Store(row)
	}
	x.changes.begin(row)
	x.flip.run(x.known.Load().columns, row, old, entry)
	x.changes.end()
	x.rows.put(row, entry)
	for _, c := range x.flip.tired {
		x.renew(c)
	}
	x.flip.tired = x.flip.tired[:0]
}
