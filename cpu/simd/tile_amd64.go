//go:build amd64 && !noasm && gc

package simd

import (
	"unsafe"

	"github.com/vectorizer-go/vectorizer/cpu/simd/internal/cpulevel"
)

// dotTileF32 handles whole groups of four queries and returns how many queries
// are done.
func dotTileF32(queries []float32, dim, nq int, rows []float32, stride, count int,
	out []float32, outStride int) int {
	perGroup := 3
	switch cpulevel.Now {
	case cpulevel.AVX512:
		perGroup = 4
	case cpulevel.Generic:
		return 0
	}
	groups, done := count/perGroup, 0
	rp, sb, ob := unsafe.SliceData(rows), stride*4, outStride*4
	for ; done+tileQueries <= nq; done += tileQueries {
		q, o := queries[done*dim:], out[done*outStride:]
		if perGroup == 4 {
			dotTileF32AVX512(&q[0], dim, dim*4, rp, sb, &o[0], ob, groups)
		} else {
			dotTileF32AVX2(&q[0], dim, dim*4, rp, sb, &o[0], ob, groups)
		}
		for j := groups * perGroup; j < count; j++ {
			for i := range tileQueries {
				o[i*outStride+j] = dotF32(q[i*dim:(i+1)*dim], rows[j*stride:j*stride+dim])
			}
		}
	}
	return done
}

// l2TileF32 is dotTileF32 for squared distances.
func l2TileF32(queries []float32, dim, nq int, rows []float32, stride, count int,
	out []float32, outStride int) int {
	perGroup := 2
	switch cpulevel.Now {
	case cpulevel.AVX512:
		perGroup = 4
	case cpulevel.Generic:
		return 0
	}
	groups, done := count/perGroup, 0
	rp, sb, ob := unsafe.SliceData(rows), stride*4, outStride*4
	for ; done+tileQueries <= nq; done += tileQueries {
		q, o := queries[done*dim:], out[done*outStride:]
		if perGroup == 4 {
			l2TileF32AVX512(&q[0], dim, dim*4, rp, sb, &o[0], ob, groups)
		} else {
			l2TileF32AVX2(&q[0], dim, dim*4, rp, sb, &o[0], ob, groups)
		}
		for j := groups * perGroup; j < count; j++ {
			for i := range tileQueries {
				o[i*outStride+j] = l2F32(q[i*dim:(i+1)*dim], rows[j*stride:j*stride+dim])
			}
		}
	}
	return done
}

// lessF32 handles whole words of the mask and returns how many distances are
// done.
func lessF32(d []float32, mul, add, limit float32, mask []uint64) int {
	words := len(d) / 64
	if words == 0 || cpulevel.Now == cpulevel.Generic {
		return 0
	}
	lessF32AVX2(&d[0], words, mul, add, limit, &mask[0])
	return 64 * words
}
