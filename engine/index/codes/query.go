package codes

import (
	"encoding/binary"
	"math"
	"unsafe"

	"github.com/vectorizer-go/vectorizer/cpu/simd"
	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// Query is a vector prepared to be compared with codes. The zero value is ready
// for SetVector or SetCode. It is bound to the model that prepared it.
type Query struct {
	codes   []int8 // stride of them, zero behind the components
	score   simd.Score
	scratch Scratch
}

func (q *Query) room(m *Model) {
	if cap(q.codes) < m.stride {
		q.codes = make([]int8, m.stride)
	}
	q.codes = q.codes[:m.stride]
	clear(q.codes[m.kept:])
}

// SetVector prepares v, of dim components; unit length under cosine.
func (m *Model) SetVector(q *Query, v []float32) {
	q.room(m)
	y, rest := m.project(&q.scratch, v)
	largest := float32(0)
	for _, x := range y {
		largest = max(largest, x, -x)
	}
	step := largest / codeMax
	if step == 0 {
		step = 1
	}
	inv, sum := 1/step, int32(0)
	for i, x := range y {
		c := roundCode(x * inv)
		q.codes[i] = int8(c)
		sum += int32(c)
	}
	norm := simd.DotF32(y, y)
	m.finish(q, sum, step, m.bias(v, norm, rest))
}

// SetCode prepares the row whose code is given, as Encode wrote it. It is cheaper
// than SetVector, and gives equal rows equal distances.
//
//go:norace
func (m *Model) SetCode(q *Query, code []byte) {
	q.room(m)
	// Eight codes at a time: flipping the top bit takes codeZero off.
	out := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(q.codes))), len(q.codes))
	at := 0
	for ; at+8 <= m.kept; at += 8 {
		binary.NativeEndian.PutUint64(out[at:], binary.NativeEndian.Uint64(code[at:])^signs)
	}
	for ; at < m.kept; at++ {
		out[at] = code[at] ^ codeZero
	}
	t := code[m.stride-trailerBytes : m.stride]
	m.finish(q, int32(binary.NativeEndian.Uint32(t[4:])), m.step,
		math.Float32frombits(binary.NativeEndian.Uint32(t)))
}

// signs is codeZero in every byte.
const signs = 0x8080808080808080

// finish sets the query's side of the estimate.
func (m *Model) finish(q *Query, sum int32, step, bias float32) {
	q.score = simd.Score{Shift: codeZero * sum, Scale: step * m.step, Bias: bias, Offset: m.offset}
	if m.metric == compute.L2 {
		q.score.Scale *= 2
	}
}

// Gather sets dist[i] to the estimated distance of q and row ids[i] of rows, for
// each of len(ids). It orders as the metric does: the squared distance under L2,
// the negated inner product under dot and cosine. The distance of two rows is the
// same from either side. ids are trusted. A row may be written meanwhile; its
// distance is then meaningless. It is fastest when dist has room for three more.
func (m *Model) Gather(q *Query, rows []byte, ids []uint32, dist []float32) {
	simd.ScoreGatherU8(q.codes, rows, ids, &q.score, dist[:len(ids)])
}
