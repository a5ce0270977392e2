package payload

import (
	"sync/atomic"

	"github.com/vectorizer-go/vectorizer/engine/filter"
)

// column indexes the values at one path.
type column struct {
	path string
	id   uint32 // its place in Index.columns
	gen  atomic.Pointer[generation]

	// What follows is the writer's.

	unused int    // values of the dictionary that no row has
	acc    gather // of the payload being read
}

// generation is what of a column is replaced as a whole.
type generation struct {
	dict  *dictionary
	nums  ordered[float64] // distinct numbers
	times ordered[int64]   // distinct strings that hold a time, by microseconds
}

func newColumn(path string, id uint32) *column {
	c := &column{path: path, id: id}
	c.gen.Store(&generation{dict: newDictionary()})
	return c
}

// stringID returns the id of a string, which it gets if it is new.
func (g *generation) stringID(s []byte) (id uint32, fresh bool) {
	id, ok := g.dict.findString(s)
	if ok {
		return id, false
	}
	id = g.dict.addString(s)
	if us, ok := filter.ParseTime(s); ok {
		g.times.add(us, id)
	}
	return id, true
}

// numberID returns the id of a number, which it gets if it is new.
func (g *generation) numberID(n filter.Number) (id uint32, fresh bool) {
	bits, form := n.Bits()
	id, ok := g.dict.findBits(kindNumber, form, bits)
	if ok {
		return id, false
	}
	id = g.dict.addBits(kindNumber, form, bits)
	g.nums.add(n.Float64(), id)
	return id, true
}

// countID returns the id of a count of values, which it gets if it is new.
func (g *generation) countID(n uint64) (id uint32, fresh bool) {
	if id, ok := g.dict.findBits(kindCount, 0, n); ok {
		return id, false
	}
	return g.dict.addBits(kindCount, 0, n), true
}

// setDense makes the numbers and the times among ids what row has, in the columns
// by row that there are.
func (g *generation) setDense(row uint32, ids []uint32) {
	nums, times := g.nums.byRow.Load(), g.times.byRow.Load()
	if nums == nil && times == nil {
		return
	}
	num, at := uint64(keyNone), uint64(keyNone)
	for _, id := range ids {
		key, isNumber, ok := g.dict.entry(id).key()
		switch {
		case !ok:
		case isNumber:
			num = oneKey(num, key)
		default:
			at = oneKey(at, key)
		}
	}
	if nums != nil {
		nums.set(row, num)
	}
	if times != nil {
		times.set(row, at)
	}
}

// oneKey is what a row with old has when key comes to it.
func oneKey(old, key uint64) uint64 {
	if old == keyNone {
		return key
	}
	return keyMany
}

// key returns the key of a number or of a string that holds a time.
func (e *entry) key() (key uint64, isNumber, ok bool) {
	switch e.kind {
	case kindNumber:
		return keyOf(e.number().Float64()), true, true
	case kindString:
		us, ok := filter.ParseTime([]byte(e.str))
		return keyOf(us), false, ok
	}
	return 0, false, false
}

// growDense makes the columns by row that are missing and worth it. The writer
// calls it when values have been added.
func (g *generation) growDense() {
	makeNums := g.nums.byRow.Load() == nil && g.nums.len() > denseValues
	makeTimes := g.times.byRow.Load() == nil && g.times.len() > denseValues
	if !makeNums && !makeTimes {
		return
	}
	nums, times := &dense{}, &dense{}
	var rows []uint32
	for id := uint32(numFlags); id < g.dict.count.Load(); id++ {
		key, isNumber, ok := g.dict.entry(id).key()
		if !ok {
			continue
		}
		d := times
		if isNumber {
			d = nums
		}
		v := g.dict.entry(id).view()
		rows = v.appendAll(rows[:0])
		for _, row := range rows {
			d.set(row, oneKey(d.get(row), key))
		}
	}
	if makeNums {
		g.nums.byRow.Store(nums)
	}
	if makeTimes {
		g.times.byRow.Store(times)
	}
}

// number returns the number that e holds.
func (e *entry) number() filter.Number {
	n, ok := filter.NumberFromBits(e.bits, e.form)
	if !ok {
		panic("BUG: payload: a number entry without a number")
	}
	return n
}

// memory returns the bytes held.
func (c *column) memory() int64 {
	g := c.gen.Load()
	return g.dict.memory() + g.nums.memory() + g.times.memory() + int64(len(c.path)) + 256
}
