package payload

import (
	"hash/maphash"
	"sync/atomic"
)

// dictionary numbers the values of one column: value ↔ id. The writer adds, any
// goroutine looks up. Values are never taken out; a column with too many unused
// ones gets a new dictionary.
type dictionary struct {
	seed  maphash.Seed
	pages atomic.Pointer[[]*entryPage]
	count atomic.Uint32 // ids in use: [0, count)
	table atomic.Pointer[[]atomic.Uint64]
	arena []byte // the writer's, strings are cut from its front
}

const (
	pageBits = 4
	pageSize = 1 << pageBits
	// arenaBytes is allocated at a time for strings.
	arenaBytes = 16 << 10
)

type entryPage [pageSize]entry

// The first ids of every dictionary are flags: facts about a row at the path.
const (
	flagFilled   = iota // something that is neither null nor an empty array
	flagNull            // a null, or an array with one
	flagLong            // a string that is too long to be indexed
	flagOverflow        // more values than are indexed
	flagArray           // not simply one value: an array, or several reached
	flagObject          // an object
	flagFalse
	flagTrue
	numFlags
)

// countDeep is the count that marks rows with arrays inside an array: elements
// that only a key with "[]" or "[n]" reaches, and no value knows of. No array has
// so many elements.
const countDeep = 1 << 32

func newDictionary() *dictionary {
	d := &dictionary{seed: maphash.MakeSeed()}
	d.pages.Store(&[]*entryPage{new(entryPage)})
	table := make([]atomic.Uint64, 16)
	d.table.Store(&table)
	d.count.Store(numFlags)
	return d
}

// entry returns the entry of id, which is below count.
func (d *dictionary) entry(id uint32) *entry {
	return &(*d.pages.Load())[id>>pageBits][id&(pageSize-1)]
}

func (d *dictionary) hashString(s []byte) uint32 {
	return uint32(maphash.Bytes(d.seed, s) >> 32)
}

// hashBits mixes a number's 64 bits (the finaliser of MurmurHash3).
func hashBits(kind entryKind, form uint8, v uint64) uint32 {
	v += uint64(kind)<<8 + uint64(form)
	v ^= v >> 33
	v *= 0xff51afd7ed558ccd
	v ^= v >> 33
	v *= 0xc4ceb9fe1a85ec53
	return uint32(v >> 32)
}

// findString returns the id of a string.
func (d *dictionary) findString(s []byte) (id uint32, ok bool) {
	table := *d.table.Load()
	h := d.hashString(s)
	for i := h; ; i++ {
		slot := table[int(i)&(len(table)-1)].Load()
		if slot == 0 {
			return 0, false
		}
		if uint32(slot>>32) == h {
			if e := d.entry(uint32(slot) - 1); e.kind == kindString && e.str == string(s) {
				return uint32(slot) - 1, true
			}
		}
	}
}

// findBits returns the id of a number or a count.
func (d *dictionary) findBits(kind entryKind, form uint8, v uint64) (id uint32, ok bool) {
	table := *d.table.Load()
	h := hashBits(kind, form, v)
	for i := h; ; i++ {
		slot := table[int(i)&(len(table)-1)].Load()
		if slot == 0 {
			return 0, false
		}
		if uint32(slot>>32) == h {
			e := d.entry(uint32(slot) - 1)
			if e.kind == kind && e.form == form && e.bits == v {
				return uint32(slot) - 1, true
			}
		}
	}
}

// addString gives a string that is not there an id.
func (d *dictionary) addString(s []byte) uint32 {
	if len(d.arena)+len(s) > cap(d.arena) {
		d.arena = make([]byte, 0, max(d.nextArena(), len(s)))
	}
	at := len(d.arena)
	d.arena = append(d.arena, s...)
	id, e := d.next()
	e.kind, e.str = kindString, stringOf(d.arena[at:])
	d.publish(id, d.hashString(s))
	return id
}

// nextArena grows with the dictionary, so that small ones stay small.
func (d *dictionary) nextArena() int {
	return min(max(256, int(d.count.Load())*8), arenaBytes)
}

// addBits gives a number or a count that is not there an id.
func (d *dictionary) addBits(kind entryKind, form uint8, v uint64) uint32 {
	id, e := d.next()
	e.kind, e.form, e.bits = kind, form, v
	d.publish(id, hashBits(kind, form, v))
	return id
}

// next returns the entry that publish will make reachable.
func (d *dictionary) next() (uint32, *entry) {
	id := d.count.Load()
	pages := *d.pages.Load()
	if int(id>>pageBits) == len(pages) {
		pages = append(pages, new(entryPage))
		d.pages.Store(&pages)
	}
	return id, &pages[id>>pageBits][id&(pageSize-1)]
}

func (d *dictionary) publish(id, hash uint32) {
	table := *d.table.Load()
	if int(id)*4 >= len(table)*3 {
		table = d.grow(table)
	}
	put(table, uint64(hash)<<32|uint64(id+1))
	d.count.Store(id + 1)
}

func put(table []atomic.Uint64, slot uint64) {
	i := int(slot >> 32)
	for ; table[i&(len(table)-1)].Load() != 0; i++ {
	}
	table[i&(len(table)-1)].Store(slot)
}

func (d *dictionary) grow(old []atomic.Uint64) []atomic.Uint64 {
	table := make([]atomic.Uint64, 2*len(old))
	for i := range old {
		if slot := old[i].Load(); slot != 0 {
			put(table, slot)
		}
	}
	d.table.Store(&table)
	return table
}

// memory returns the bytes held.
func (d *dictionary) memory() int64 {
	pages := *d.pages.Load()
	size := int64(len(pages)) * (pageSize*entryBytes + 8)
	size += int64(len(*d.table.Load())) * 8
	for id := range d.count.Load() {
		size += d.entry(id).memory()
	}
	return size
}
