package engine

import (
	"bytes"
	"hash/maphash"
	"sync/atomic"

	"github.com/vectorizer-go/vectorizer/engine/payload"
)

// matchCache keeps the rows that passed filters which are asked again and again.
// What it keeps is of one version of the collection, and of use until the next
// write: nothing has to be taken out. Its readers take no lock; who writes at the
// same time loses at most an entry.
type matchCache struct {
	seed  maphash.Seed
	sets  [cacheSets][cacheWays]atomic.Pointer[matchEntry]
	asked [cacheSets * cacheWays]atomic.Uint64 // hashes of filters met
}

// A filter has cacheWays places in the one of cacheSets that its hash names. All of
// them take four bytes a row at most.
const (
	cacheSets = 16
	cacheWays = 2
)

// maxCacheKey is the longest text of a filter that is kept.
const maxCacheKey = 4096

// matchEntry is immutable.
type matchEntry struct {
	hash    uint64
	key     []byte // the filter's canonical text
	version matchVersion
	rows    matching
}

// matchVersion is a state of a collection: two reads of it that are equal enclose
// no change of what any filter matches, as far as the payload index knows exactly.
type matchVersion struct {
	graph    uint64 // rows put and deleted
	payloads payload.Version
}

func newMatchCache() *matchCache { return &matchCache{seed: maphash.MakeSeed()} }

// matchVersion is that of v now. An index changes its number after a row has come or
// gone, and a payload's before: what is selected after both were read is of this
// version if they are still the same when it is used.
func (v *view) matchVersion() matchVersion {
	return matchVersion{v.graph.Epoch(), v.index.Version()}
}

// find returns the rows that match the filter with this text, if they are kept.
func (c *matchCache) find(key []byte, now matchVersion) (m matching, ok bool) {
	hash := maphash.Bytes(c.seed, key)
	set := &c.sets[hash%cacheSets]
	for i := range set {
		e := set[i].Load()
		if e != nil && e.hash == hash && e.version == now && bytes.Equal(e.key, key) {
			return e.rows, true
		}
	}
	return matching{}, false
}

// offer keeps m, of rows rows, which were selected when the version was at, if the
// filter was met before.
func (c *matchCache) offer(key []byte, at matchVersion, m *matching, rows int) {
	if len(key) > maxCacheKey {
		return
	}
	hash := maphash.Bytes(c.seed, key)
	if seen := &c.asked[hash%uint64(len(c.asked))]; seen.Load() != hash {
		seen.Store(hash)
		return
	}
	e := &matchEntry{hash, bytes.Clone(key), at, m.copied(rows)}
	set := &c.sets[hash%cacheSets]
	set[c.place(set, e)].Store(e)
}

// place chooses the place of a set that e takes: its own of an earlier version, one
// that is of no use any more, or by chance.
func (c *matchCache) place(set *[cacheWays]atomic.Pointer[matchEntry], e *matchEntry) int {
	at := int(e.hash >> 32 % cacheWays)
	for i := range set {
		old := set[i].Load()
		switch {
		case old != nil && old.hash == e.hash:
			return i
		case old == nil || old.version != e.version:
			at = i
		}
	}
	return at
}

// bytes is the memory held.
func (c *matchCache) bytes() int64 {
	sum := int64(0)
	for i := range c.sets {
		for j := range c.sets[i] {
			if e := c.sets[i][j].Load(); e != nil {
				sum += int64(cap(e.rows.words)*8 + cap(e.rows.list)*4 + cap(e.key))
			}
		}
	}
	return sum
}
