package cpu

import (
	"fmt"
	"math"
	"sync"
	"sync/atomic"

	"github.com/vectorizer-go/vectorizer/cpu/simd"
	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// lineFloats is a cache line in float32; rows start on a multiple of it where
// that wastes less than an eighth.
const lineFloats = 16

// matrix is a compute.Matrix in host memory. Rows behind Len are written without
// a lock and published by storing the length; replacing rows that searches may
// be reading takes the lock.
type matrix struct {
	spec   compute.MatrixSpec
	stride int
	f32    []float32
	f16    []uint16
	i8     []int8
	scales []float32 // I8: one per row

	length  atomic.Int64
	replace sync.RWMutex // guards: the contents of rows below length
	writer  sync.Mutex   // guards: Write against itself
}

// NewMatrix reserves host memory for s.Rows rows. Errors: ErrUnsupported for a
// shape outside the contract, ErrNoMemory for one above Options.MatrixBytes.
func (b *Backend) NewMatrix(s compute.MatrixSpec) (compute.Matrix, error) {
	if err := checkShape(s.Dim, s.Metric); err != nil {
		return nil, err
	}
	if s.Rows < 1 || s.Elem < compute.F32 || s.Elem > compute.I8 {
		return nil, fmt.Errorf("%w: %d rows of element type %d", compute.ErrUnsupported, s.Rows, s.Elem)
	}
	stride := s.Dim
	if s.Elem == compute.F32 && s.Dim >= 8*lineFloats {
		stride = (s.Dim + lineFloats - 1) / lineFloats * lineFloats
	}
	size := float64(s.Rows) * (float64(stride)*elemBytes(s.Elem) + 4)
	if uint64(s.Rows) >= uint64(compute.NoRow) || size > float64(b.matrixBytes) {
		return nil, fmt.Errorf("%w: %d rows of %d components, limit %d bytes",
			compute.ErrNoMemory, s.Rows, s.Dim, b.matrixBytes)
	}
	m := &matrix{spec: s, stride: stride}
	switch s.Elem {
	case compute.F32:
		m.f32 = make([]float32, s.Rows*stride)
	case compute.F16:
		m.f16 = make([]uint16, s.Rows*stride)
	case compute.I8:
		m.i8, m.scales = make([]int8, s.Rows*stride), make([]float32, s.Rows)
	}
	return m, nil
}

func elemBytes(e compute.Elem) float64 {
	switch e {
	case compute.F16:
		return 2
	case compute.I8:
		return 1
	}
	return 4
}

// Write stores rows from src. It panics for a range outside the contract.
func (m *matrix) Write(row int, src []float32) error {
	n := len(src) / m.spec.Dim
	m.writer.Lock()
	defer m.writer.Unlock()
	have := int(m.length.Load())
	if len(src)%m.spec.Dim != 0 || row < 0 || row > have || n > m.spec.Rows-row {
		panic(fmt.Sprintf("BUG: cpu: write of %d floats at row %d of %d, capacity %d, dim %d",
			len(src), row, have, m.spec.Rows, m.spec.Dim))
	}
	replaced := min(n, have-row)
	if replaced > 0 {
		m.replace.Lock()
		m.store(row, src[:replaced*m.spec.Dim])
		m.replace.Unlock()
	}
	m.store(row+replaced, src[replaced*m.spec.Dim:])
	if row+n > have {
		m.length.Store(int64(row + n))
	}
	return nil
}

// store converts whole rows to the matrix's element type.
func (m *matrix) store(row int, src []float32) {
	dim := m.spec.Dim
	var unit []float32
	if m.spec.Metric == compute.Cosine {
		unit = make([]float32, dim)
	}
	for ; len(src) > 0; row, src = row+1, src[dim:] {
		v := src[:dim]
		if unit != nil {
			simd.NormalizeF32(unit, v)
			v = unit
		}
		at := row * m.stride
		switch m.spec.Elem {
		case compute.F32:
			copy(m.f32[at:], v)
		case compute.F16:
			simd.F32ToF16(m.f16[at:at+dim], v)
		case compute.I8:
			m.scales[row] = quantize(m.i8[at:at+dim], v)
		}
	}
}

// quantize stores v as codes in [-127, 127] with the scale that makes the
// largest component 127, rounding to nearest even, and returns the scale.
func quantize(dst []int8, v []float32) (scale float32) {
	var top float64
	for _, x := range v {
		top = max(top, math.Abs(float64(x)))
	}
	if top == 0 {
		clear(dst)
		return 0
	}
	for i, x := range v {
		dst[i] = int8(math.RoundToEven(float64(x) * 127 / top))
	}
	return float32(top / 127)
}

func (m *matrix) Len() int { return int(m.length.Load()) }

func (m *matrix) SizeBytes() uint64 {
	return uint64(len(m.f32))*4 + uint64(len(m.f16))*2 + uint64(len(m.i8)) + uint64(len(m.scales))*4
}

// Close drops the memory. No search may be running.
func (m *matrix) Close() error {
	m.length.Store(0)
	m.f32, m.f16, m.i8, m.scales = nil, nil, nil, nil
	return nil
}

// source is the rows a search that starts now scores.
func (m *matrix) source() source {
	n := m.Len()
	return source{
		count: n, dim: m.spec.Dim, stride: m.stride,
		f32: m.f32, f16: m.f16, i8: m.i8, scales: m.scales,
	}
}
