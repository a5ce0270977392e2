package codes

import "github.com/vectorizer-go/vectorizer/cpu/simd"

// Query is a vector prepared to be compared with codes. The zero value is ready
// for SetVector or SetCode. It is bound to the model that prepared it.
type Query struct {
	codes   []int8   // one for each code that fits a row, zero where there is none
	planes  []uint64 // the same bit by bit, where rows have one bit a component
	score   simd.Score
	doubt   float32 // Doubt of a row whose scale is one
	scratch Scratch
}

func (q *Query) room(m *Model) {
	n := m.stride * 8 / m.kind.Bits()
	if cap(q.codes) < n {
		q.codes = make([]int8, n)
	}
	q.codes = q.codes[:n]
	if m.kind != Binary {
		return
	}
	if cap(q.planes) < m.stride/2 {
		q.planes = make([]uint64, m.stride/2)
	}
	q.planes = q.planes[:m.stride/2]
}

// SetVector prepares v, of dim components; unit length under cosine.
func (m *Model) SetVector(q *Query, v []float32) {
	q.room(m)
	t := m.project(&q.scratch, v, false)
	step, bias := stepOf(t.largest), m.bias(v, t.norm, t.rest)
	switch m.kind {
	case SQ4:
		m.setVector4(q, &t, step)
		q.score.Bias = bias
		return
	case Binary:
		m.setVector1(q, &t)
		q.score.Bias = bias
		return
	}
	sum := simd.RoundI8(q.codes[:m.kept], t.y, 1/step)
	clear(q.codes[m.kept:])
	m.finish8(q, sum, step, bias)
}

// SetCode prepares the row whose code is given, as Encode wrote it. It is cheaper
// than SetVector, and gives equal rows equal distances. Coarse models have no such
// thing.
//
//go:norace
func (m *Model) SetCode(q *Query, code []byte) {
	if m.Coarse() {
		panic("BUG: codes: two codes of " + m.kind.String() + " compared")
	}
	q.room(m)
	if m.kind == SQ4 {
		m.setCode4(q, code)
		return
	}
	clear(q.codes[m.kept:])
	m.setCode8(q, code)
}

// Gather sets dist[i] to the estimated distance of q and row ids[i] of rows, for
// each of len(ids). It orders as the metric does: the squared distance under L2,
// the negated inner product under dot and cosine. The distance of two rows is the
// same from either side. ids are trusted. A row may be written meanwhile; its
// distance is then meaningless. It is fastest when dist has room for three more.
func (m *Model) Gather(q *Query, rows []byte, ids []uint32, dist []float32) {
	dist = dist[:len(ids)]
	switch m.kind {
	case SQ4:
		simd.ScoreGatherU4(q.codes, rows, ids, &q.score, dist)
	case Binary:
		simd.ScoreGatherU1(q.planes, rows, ids, &q.score, dist)
	default:
		simd.ScoreGatherU8(q.codes, rows, ids, &q.score, dist)
	}
}
