//go:build amd64 && !noasm && gc

package simd

import (
	"unsafe"

	"github.com/vectorizer-go/vectorizer/cpu/simd/internal/cpulevel"
)

func dotF32(a, b []float32) float32 {
	switch cpulevel.Now {
	case cpulevel.AVX512:
		return dotF32AVX512(unsafe.SliceData(a), unsafe.SliceData(b), len(a))
	case cpulevel.AVX2:
		return dotF32AVX2(unsafe.SliceData(a), unsafe.SliceData(b), len(a))
	default:
		return dotF32Generic(a, b)
	}
}

func dotRowsF32(q, rows []float32, stride int, out []float32) {
	qp, rp, op := unsafe.SliceData(q), unsafe.SliceData(rows), unsafe.SliceData(out)
	switch cpulevel.Now {
	case cpulevel.AVX512:
		dotRowsF32AVX512(qp, rp, len(q), stride*4, op, len(out))
	case cpulevel.AVX2:
		dotRowsF32AVX2(qp, rp, len(q), stride*4, op, len(out))
	default:
		dotRowsF32Generic(q, rows, stride, out)
	}
}

func dotGatherF32(q, rows []float32, stride int, ids []uint32, out []float32, ahead int) {
	qp, rp := unsafe.SliceData(q), unsafe.SliceData(rows)
	ip, op := unsafe.SliceData(ids), unsafe.SliceData(out)
	switch cpulevel.Now {
	case cpulevel.AVX512:
		dotGatherF32AVX512(qp, rp, len(q), stride*4, ip, op, len(out), ahead)
	case cpulevel.AVX2:
		dotGatherF32AVX2(qp, rp, len(q), stride*4, ip, op, len(out), ahead)
	default:
		dotGatherF32Generic(q, rows, stride, ids, out)
	}
}

func l2F32(a, b []float32) float32 {
	switch cpulevel.Now {
	case cpulevel.AVX512:
		return l2F32AVX512(unsafe.SliceData(a), unsafe.SliceData(b), len(a))
	case cpulevel.AVX2:
		return l2F32AVX2(unsafe.SliceData(a), unsafe.SliceData(b), len(a))
	default:
		return l2F32Generic(a, b)
	}
}

func l2RowsF32(q, rows []float32, stride int, out []float32) {
	qp, rp, op := unsafe.SliceData(q), unsafe.SliceData(rows), unsafe.SliceData(out)
	switch cpulevel.Now {
	case cpulevel.AVX512:
		l2RowsF32AVX512(qp, rp, len(q), stride*4, op, len(out))
	case cpulevel.AVX2:
		l2RowsF32AVX2(qp, rp, len(q), stride*4, op, len(out))
	default:
		l2RowsF32Generic(q, rows, stride, out)
	}
}

func l2GatherF32(q, rows []float32, stride int, ids []uint32, out []float32, ahead int) {
	qp, rp := unsafe.SliceData(q), unsafe.SliceData(rows)
	ip, op := unsafe.SliceData(ids), unsafe.SliceData(out)
	switch cpulevel.Now {
	case cpulevel.AVX512:
		l2GatherF32AVX512(qp, rp, len(q), stride*4, ip, op, len(out), ahead)
	case cpulevel.AVX2:
		l2GatherF32AVX2(qp, rp, len(q), stride*4, ip, op, len(out), ahead)
	default:
		l2GatherF32Generic(q, rows, stride, ids, out)
	}
}

func dotRowsF16(q []float32, rows []uint16, stride int, out []float32) {
	qp, rp, op := unsafe.SliceData(q), unsafe.SliceData(rows), unsafe.SliceData(out)
	switch cpulevel.Now {
	case cpulevel.AVX512:
		dotRowsF16AVX512(qp, rp, len(q), stride*2, op, len(out))
	case cpulevel.AVX2:
		dotRowsF16AVX2(qp, rp, len(q), stride*2, op, len(out))
	default:
		dotRowsF16Generic(q, rows, stride, out)
	}
}

func dotGatherF16(q []float32, rows []uint16, stride int, ids []uint32, out []float32) {
	qp, rp := unsafe.SliceData(q), unsafe.SliceData(rows)
	ip, op := unsafe.SliceData(ids), unsafe.SliceData(out)
	switch cpulevel.Now {
	case cpulevel.AVX512:
		dotGatherF16AVX512(qp, rp, len(q), stride*2, ip, op, len(out), aheadRows(len(q)*2))
	case cpulevel.AVX2:
		dotGatherF16AVX2(qp, rp, len(q), stride*2, ip, op, len(out), aheadRows(len(q)*2))
	default:
		dotGatherF16Generic(q, rows, stride, ids, out)
	}
}

func l2RowsF16(q []float32, rows []uint16, stride int, out []float32) {
	qp, rp, op := unsafe.SliceData(q), unsafe.SliceData(rows), unsafe.SliceData(out)
	switch cpulevel.Now {
	case cpulevel.AVX512:
		l2RowsF16AVX512(qp, rp, len(q), stride*2, op, len(out))
	case cpulevel.AVX2:
		l2RowsF16AVX2(qp, rp, len(q), stride*2, op, len(out))
	default:
		l2RowsF16Generic(q, rows, stride, out)
	}
}

func l2GatherF16(q []float32, rows []uint16, stride int, ids []uint32, out []float32) {
	qp, rp := unsafe.SliceData(q), unsafe.SliceData(rows)
	ip, op := unsafe.SliceData(ids), unsafe.SliceData(out)
	switch cpulevel.Now {
	case cpulevel.AVX512:
		l2GatherF16AVX512(qp, rp, len(q), stride*2, ip, op, len(out), aheadRows(len(q)*2))
	case cpulevel.AVX2:
		l2GatherF16AVX2(qp, rp, len(q), stride*2, ip, op, len(out), aheadRows(len(q)*2))
	default:
		l2GatherF16Generic(q, rows, stride, ids, out)
	}
}

func dotI8(a, b []int8) int32 {
	switch cpulevel.Now {
	case cpulevel.AVX512:
		return dotI8AVX512(unsafe.SliceData(a), unsafe.SliceData(b), len(a))
	case cpulevel.AVX2:
		return dotI8AVX2(unsafe.SliceData(a), unsafe.SliceData(b), len(a))
	default:
		return dotI8Generic(a, b)
	}
}

func dotRowsI8(q, rows []int8, stride int, out []int32) {
	qp, rp, op := unsafe.SliceData(q), unsafe.SliceData(rows), unsafe.SliceData(out)
	switch cpulevel.Now {
	case cpulevel.AVX512:
		dotRowsI8AVX512(qp, rp, len(q), stride, op, len(out))
	case cpulevel.AVX2:
		dotRowsI8AVX2(qp, rp, len(q), stride, op, len(out))
	default:
		dotRowsI8Generic(q, rows, stride, out)
	}
}

func dotGatherI8(q, rows []int8, stride int, ids []uint32, out []int32) {
	qp, rp := unsafe.SliceData(q), unsafe.SliceData(rows)
	ip, op := unsafe.SliceData(ids), unsafe.SliceData(out)
	switch cpulevel.Now {
	case cpulevel.AVX512:
		dotGatherI8AVX512(qp, rp, len(q), stride, ip, op, len(out), aheadRows(len(q)))
	case cpulevel.AVX2:
		dotGatherI8AVX2(qp, rp, len(q), stride, ip, op, len(out), aheadRows(len(q)))
	default:
		dotGatherI8Generic(q, rows, stride, ids, out)
	}
}

func l2I8(a, b []int8) int32 {
	switch cpulevel.Now {
	case cpulevel.AVX512:
		return l2I8AVX512(unsafe.SliceData(a), unsafe.SliceData(b), len(a))
	case cpulevel.AVX2:
		return l2I8AVX2(unsafe.SliceData(a), unsafe.SliceData(b), len(a))
	default:
		return l2I8Generic(a, b)
	}
}

func l2RowsI8(q, rows []int8, stride int, out []int32) {
	qp, rp, op := unsafe.SliceData(q), unsafe.SliceData(rows), unsafe.SliceData(out)
	switch cpulevel.Now {
	case cpulevel.AVX512:
		l2RowsI8AVX512(qp, rp, len(q), stride, op, len(out))
	case cpulevel.AVX2:
		l2RowsI8AVX2(qp, rp, len(q), stride, op, len(out))
	default:
		l2RowsI8Generic(q, rows, stride, out)
	}
}

func l2GatherI8(q, rows []int8, stride int, ids []uint32, out []int32) {
	qp, rp := unsafe.SliceData(q), unsafe.SliceData(rows)
	ip, op := unsafe.SliceData(ids), unsafe.SliceData(out)
	switch cpulevel.Now {
	case cpulevel.AVX512:
		l2GatherI8AVX512(qp, rp, len(q), stride, ip, op, len(out), aheadRows(len(q)))
	case cpulevel.AVX2:
		l2GatherI8AVX2(qp, rp, len(q), stride, ip, op, len(out), aheadRows(len(q)))
	default:
		l2GatherI8Generic(q, rows, stride, ids, out)
	}
}

func dotRowsU8I8(q []int8, rows []uint8, stride int, out []int32) {
	qp, rp, op := unsafe.SliceData(q), unsafe.SliceData(rows), unsafe.SliceData(out)
	switch cpulevel.Now {
	case cpulevel.AVX512:
		dotRowsU8I8AVX512(qp, rp, len(q), stride, op, len(out))
	case cpulevel.AVX2:
		dotRowsU8I8AVX2(qp, rp, len(q), stride, op, len(out))
	default:
		dotRowsU8I8Generic(q, rows, stride, out)
	}
}

func dotGatherU8I8(q []int8, rows []uint8, stride int, ids []uint32, out []int32) {
	qp, rp := unsafe.SliceData(q), unsafe.SliceData(rows)
	ip, op := unsafe.SliceData(ids), unsafe.SliceData(out)
	switch cpulevel.Now {
	case cpulevel.AVX512:
		dotGatherU8I8AVX512(qp, rp, len(q), stride, ip, op, len(out), aheadRows(len(q)))
	case cpulevel.AVX2:
		dotGatherU8I8AVX2(qp, rp, len(q), stride, ip, op, len(out), aheadRows(len(q)))
	default:
		dotGatherU8I8Generic(q, rows, stride, ids, out)
	}
}

func hamming(a, b []uint64) int32 {
	switch cpulevel.Now {
	case cpulevel.AVX512, cpulevel.AVX2:
		return hammingAVX2(unsafe.SliceData(a), unsafe.SliceData(b), len(a))
	default:
		return hammingGeneric(a, b)
	}
}

func hammingRows(q, rows []uint64, stride int, out []int32) {
	qp, rp, op := unsafe.SliceData(q), unsafe.SliceData(rows), unsafe.SliceData(out)
	switch cpulevel.Now {
	case cpulevel.AVX512, cpulevel.AVX2:
		hammingRowsAVX2(qp, rp, len(q), stride*8, op, len(out))
	default:
		hammingRowsGeneric(q, rows, stride, out)
	}
}

func hammingGather(q, rows []uint64, stride int, ids []uint32, out []int32) {
	qp, rp := unsafe.SliceData(q), unsafe.SliceData(rows)
	ip, op := unsafe.SliceData(ids), unsafe.SliceData(out)
	switch cpulevel.Now {
	case cpulevel.AVX512, cpulevel.AVX2:
		hammingGatherAVX2(qp, rp, len(q), stride*8, ip, op, len(out), aheadRows(len(q)*8))
	default:
		hammingGatherGeneric(q, rows, stride, ids, out)
	}
}

// widenF16 and narrowF16 convert a multiple of eight components and return how
// many; the caller converts the rest.
func widenF16(dst []float32, src []uint16) int {
	if cpulevel.Now == cpulevel.Generic {
		return 0
	}
	n := len(src) &^ 7
	widenF16AVX2(unsafe.SliceData(dst), unsafe.SliceData(src), n)
	return n
}

func narrowF16(dst []uint16, src []float32) int {
	if cpulevel.Now == cpulevel.Generic {
		return 0
	}
	n := len(src) &^ 7
	narrowF16AVX2(unsafe.SliceData(dst), unsafe.SliceData(src), n)
	return n
}
