//go:build arm64 && !noasm && gc

package simd

import (
	"unsafe"

	"github.com/vectorizer-go/vectorizer/cpu/simd/internal/cpulevel"
)

func dotF32(a, b []float32) float32 {
	switch cpulevel.Now {
	case cpulevel.NEON:
		return dotF32NEON(unsafe.SliceData(a), unsafe.SliceData(b), len(a))
	default:
		return dotF32Generic(a, b)
	}
}

func dotRowsF32(q, rows []float32, stride int, out []float32) {
	qp, rp, op := unsafe.SliceData(q), unsafe.SliceData(rows), unsafe.SliceData(out)
	switch cpulevel.Now {
	case cpulevel.NEON:
		dotRowsF32NEON(qp, rp, len(q), stride*4, op, len(out))
	default:
		dotRowsF32Generic(q, rows, stride, out)
	}
}

func dotGatherF32(q, rows []float32, stride int, ids []uint32, out []float32, _ int) {
	qp, rp := unsafe.SliceData(q), unsafe.SliceData(rows)
	ip, op := unsafe.SliceData(ids), unsafe.SliceData(out)
	switch cpulevel.Now {
	case cpulevel.NEON:
		dotGatherF32NEON(qp, rp, len(q), stride*4, ip, op, len(out))
	default:
		dotGatherF32Generic(q, rows, stride, ids, out)
	}
}

func l2F32(a, b []float32) float32 {
	switch cpulevel.Now {
	case cpulevel.NEON:
		return l2F32NEON(unsafe.SliceData(a), unsafe.SliceData(b), len(a))
	default:
		return l2F32Generic(a, b)
	}
}

func l2RowsF32(q, rows []float32, stride int, out []float32) {
	qp, rp, op := unsafe.SliceData(q), unsafe.SliceData(rows), unsafe.SliceData(out)
	switch cpulevel.Now {
	case cpulevel.NEON:
		l2RowsF32NEON(qp, rp, len(q), stride*4, op, len(out))
	default:
		l2RowsF32Generic(q, rows, stride, out)
	}
}

func l2GatherF32(q, rows []float32, stride int, ids []uint32, out []float32, _ int) {
	qp, rp := unsafe.SliceData(q), unsafe.SliceData(rows)
	ip, op := unsafe.SliceData(ids), unsafe.SliceData(out)
	switch cpulevel.Now {
	case cpulevel.NEON:
		l2GatherF32NEON(qp, rp, len(q), stride*4, ip, op, len(out))
	default:
		l2GatherF32Generic(q, rows, stride, ids, out)
	}
}

func dotRowsF16(q []float32, rows []uint16, stride int, out []float32) {
	dotRowsF16Generic(q, rows, stride, out)
}

func dotGatherF16(q []float32, rows []uint16, stride int, ids []uint32, out []float32) {
	dotGatherF16Generic(q, rows, stride, ids, out)
}

func l2RowsF16(q []float32, rows []uint16, stride int, out []float32) {
	l2RowsF16Generic(q, rows, stride, out)
}

func l2GatherF16(q []float32, rows []uint16, stride int, ids []uint32, out []float32) {
	l2GatherF16Generic(q, rows, stride, ids, out)
}

func dotI8(a, b []int8) int32 {
	switch cpulevel.Now {
	case cpulevel.NEON:
		return dotI8NEON(unsafe.SliceData(a), unsafe.SliceData(b), len(a))
	default:
		return dotI8Generic(a, b)
	}
}

func dotRowsI8(q, rows []int8, stride int, out []int32) {
	qp, rp, op := unsafe.SliceData(q), unsafe.SliceData(rows), unsafe.SliceData(out)
	switch cpulevel.Now {
	case cpulevel.NEON:
		dotRowsI8NEON(qp, rp, len(q), stride, op, len(out))
	default:
		dotRowsI8Generic(q, rows, stride, out)
	}
}

func dotGatherI8(q, rows []int8, stride int, ids []uint32, out []int32) {
	qp, rp := unsafe.SliceData(q), unsafe.SliceData(rows)
	ip, op := unsafe.SliceData(ids), unsafe.SliceData(out)
	switch cpulevel.Now {
	case cpulevel.NEON:
		dotGatherI8NEON(qp, rp, len(q), stride, ip, op, len(out))
	default:
		dotGatherI8Generic(q, rows, stride, ids, out)
	}
}

func l2I8(a, b []int8) int32 {
	switch cpulevel.Now {
	case cpulevel.NEON:
		return l2I8NEON(unsafe.SliceData(a), unsafe.SliceData(b), len(a))
	default:
		return l2I8Generic(a, b)
	}
}

func l2RowsI8(q, rows []int8, stride int, out []int32) {
	qp, rp, op := unsafe.SliceData(q), unsafe.SliceData(rows), unsafe.SliceData(out)
	switch cpulevel.Now {
	case cpulevel.NEON:
		l2RowsI8NEON(qp, rp, len(q), stride, op, len(out))
	default:
		l2RowsI8Generic(q, rows, stride, out)
	}
}

func l2GatherI8(q, rows []int8, stride int, ids []uint32, out []int32) {
	qp, rp := unsafe.SliceData(q), unsafe.SliceData(rows)
	ip, op := unsafe.SliceData(ids), unsafe.SliceData(out)
	switch cpulevel.Now {
	case cpulevel.NEON:
		l2GatherI8NEON(qp, rp, len(q), stride, ip, op, len(out))
	default:
		l2GatherI8Generic(q, rows, stride, ids, out)
	}
}

func dotRowsU8I8(q []int8, rows []uint8, stride int, out []int32) {
	switch cpulevel.Now {
	case cpulevel.NEON:
		dotRowsU8I8NEON(unsafe.SliceData(q), unsafe.SliceData(rows), len(q), stride, unsafe.SliceData(out), len(out))
	default:
		dotRowsU8I8Generic(q, rows, stride, out)
	}
}

func dotGatherU8I8(q []int8, rows []uint8, stride int, ids []uint32, out []int32) {
	qp, rp := unsafe.SliceData(q), unsafe.SliceData(rows)
	ip, op := unsafe.SliceData(ids), unsafe.SliceData(out)
	switch cpulevel.Now {
	case cpulevel.NEON:
		dotGatherU8I8NEON(qp, rp, len(q), stride, ip, op, len(out))
	default:
		dotGatherU8I8Generic(q, rows, stride, ids, out)
	}
}

func hamming(a, b []uint64) int32 {
	return hammingGeneric(a, b)
}

func hammingRows(q, rows []uint64, stride int, out []int32) {
	hammingRowsGeneric(q, rows, stride, out)
}

func hammingGather(q, rows []uint64, stride int, ids []uint32, out []int32) {
	hammingGatherGeneric(q, rows, stride, ids, out)
}

func widenF16([]float32, []uint16) int  { return 0 }
func narrowF16([]uint16, []float32) int { return 0 }
