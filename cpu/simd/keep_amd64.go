//go:build amd64 && !noasm && gc

package simd

import (
	"unsafe"

	"github.com/vectorizer-go/vectorizer/cpu/simd/internal/cpulevel"
)

func keepNearest(list []Near, limit int, ids []uint32, dist []float32, stop, than, most float32, of *Lists) (
	kept []Near, first, used int,
) {
	count := len(dist)
	if cap(dist) < (count+7)&^7 {
		count &^= 7 // the kernel compares eight at a time
	}
	if cpulevel.Now == cpulevel.Generic || count == 0 {
		return keepNearestGeneric(list, limit, ids, dist, stop, most)
	}
	places := (*uint64)(unsafe.Pointer(unsafe.SliceData(list)))
	held, first, used := keepNearestAVX2(places, len(list), limit, unsafe.SliceData(ids), unsafe.SliceData(dist),
		count, stop, than, most, unsafe.SliceData(of.Links), of.Stride*4, of.Lines)
	list = list[:held]
	if used < count || count == len(dist) {
		return list, first, used
	}
	list, rest, more := keepNearestGeneric(list, limit, ids[count:], dist[count:], stop, most)
	return list, min(first, rest), used + more
}
