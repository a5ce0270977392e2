//go:build arm64 && !noasm && gc

package simd

import (
	"unsafe"

	"github.com/vectorizer-go/vectorizer/cpu/simd/internal/cpulevel"
)

func scoreGatherU8(q []int8, rows []uint8, ids []uint32, s *Score, out []float32) {
	scoreRest(q, rows, ids, s, out)
}

// productsAtOnce is how many products a kernel computes before they become distances.
const productsAtOnce = 32

//go:norace
func scoreGatherU4(q []int8, rows []uint8, ids []uint32, s *Score, out []float32) {
	if cpulevel.Now != cpulevel.NEON {
		scoreU4Generic(q, rows, ids, s, out)
		return
	}
	var products [productsAtOnce]int32
	stride := len(q) / 2
	for len(out) > 0 {
		n := min(len(out), productsAtOnce)
		productsU4NEON(unsafe.SliceData(q), unsafe.SliceData(rows), stride, unsafe.SliceData(ids), &products[0], n)
		s.scaled(rows, stride, ids, products[:n], out)
		ids, out = ids[n:], out[n:]
	}
}

//go:norace
func scoreGatherU1(planes []uint64, rows []uint8, ids []uint32, s *Score, out []float32) {
	if cpulevel.Now != cpulevel.NEON {
		scoreU1Generic(planes, rows, ids, s, out)
		return
	}
	var products [productsAtOnce]int32
	stride := 2 * len(planes)
	for len(out) > 0 {
		n := min(len(out), productsAtOnce)
		productsU1NEON(unsafe.SliceData(planes), unsafe.SliceData(rows), stride, unsafe.SliceData(ids), &products[0], n)
		s.scaled(rows, stride, ids, products[:n], out)
		ids, out = ids[n:], out[n:]
	}
}

// scaled sets the first of out to the distances of rows with a scale of their own.
//
//go:norace
func (s *Score) scaled(rows []uint8, stride int, ids []uint32, products []int32, out []float32) {
	for i, product := range products {
		at := (int(ids[i]) + 1) * stride
		out[i] = s.distance(rows[at-CodeTrailerBytes:at], product)
	}
}
