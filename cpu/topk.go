package cpu

import (
	"math"
	"slices"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// A key is a distance and a row in one integer: ordered distance bits above, the
// row below, so that one comparison orders by distance and then by row. It is
// what makes ties fall to the smaller row whichever worker saw it.
type key = uint64

// makeKey treats NaN as the worst distance: overflowing sums of finite rows may
// produce it, and such a row is still a result when nothing better exists.
func makeKey(d float32, row uint32) key {
	if d != d {
		d = float32(math.Inf(1))
	}
	b := math.Float32bits(d + 0) // adding 0 turns -0 into 0, its equal
	if b>>31 != 0 {
		b = ^b
	} else {
		b |= 1 << 31
	}
	return uint64(b)<<32 | uint64(row)
}

func keyDist(k key) float32 {
	b := uint32(k >> 32)
	if b>>31 != 0 {
		return math.Float32frombits(b &^ (1 << 31))
	}
	return math.Float32frombits(^b)
}

// topK keeps the k smallest keys in a max-heap over borrowed memory.
type topK struct {
	keys []key // heap, largest first; capacity k
	k    int
}

// limit is the distance that a row must beat or, for a smaller row number,
// equal. Until the heap is full everything does.
func (t *topK) limit() float32 {
	if len(t.keys) < t.k {
		return float32(math.Inf(1))
	}
	return keyDist(t.keys[0])
}

// push offers x.
func (t *topK) push(x key) {
	if len(t.keys) < t.k {
		t.keys = append(t.keys, x)
		t.up(len(t.keys) - 1)
		return
	}
	if x < t.keys[0] {
		t.down(x)
	}
}

func (t *topK) up(i int) {
	h, x := t.keys, t.keys[i]
	for i > 0 {
		parent := (i - 1) / 2
		if h[parent] >= x {
			break
		}
		h[i] = h[parent]
		i = parent
	}
	h[i] = x
}

// down replaces the root by x, which is smaller.
func (t *topK) down(x key) {
	h, i := t.keys, 0
	for {
		child := 2*i + 1
		if child >= len(h) {
			break
		}
		if child+1 < len(h) && h[child+1] > h[child] {
			child++
		}
		if h[child] <= x {
			break
		}
		h[i] = h[child]
		i = child
	}
	h[i] = x
}

// drain writes the keys in ascending order and pads with NoRow. It destroys the
// heap.
func (t *topK) drain(ids []uint32, dist []float32) {
	slices.Sort(t.keys)
	for i := range ids {
		if i < len(t.keys) {
			ids[i], dist[i] = uint32(t.keys[i]), keyDist(t.keys[i])
			continue
		}
		ids[i], dist[i] = compute.NoRow, float32(math.Inf(1))
	}
	t.keys = t.keys[:0]
}
