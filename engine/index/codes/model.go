package codes

import (
	"github.com/vectorizer-go/vectorizer/cpu/simd"
	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// lineBytes is the unit of a row's size.
const lineBytes = 64

// trailerBytes is what follows the codes at the end of a row: see the package.
const trailerBytes = simd.CodeTrailerBytes

// restShare is the share of the part that the projection leaves out that counts
// as distance. Of two near rows those parts are alike, so the whole would rank
// neighbours too low and nothing would rank strangers too high; a half was best on
// every set and size that was tried (cpu/NOTES.md).
const restShare = 0.5

// Model turns vectors into codes. It does not change once it is made.
type Model struct {
	kind   Kind
	metric compute.Metric
	dim    int // components of a vector
	kept   int // components of a code
	stride int // bytes of a row of codes

	mean []float32 // dim
	// proj is kept rows of dim half floats; nil keeps every component as it is.
	// Queries and rows go through the same rounded matrix, so its rounding turns
	// the directions a little and costs no agreement.
	proj []uint16
	step float32 // from one code to the next
	// offset is the constant of all estimates: under dot, the squared length of the
	// mean, which the two sides' constants take off twice.
	offset float32
	rows   int     // of the sample
	strain float32 // mean of what Encode returned for the sample
	depth  int     // first rows by code that hold goalShare of the goalK nearest
}

// Kind is the kind of the codes.
func (m *Model) Kind() Kind { return m.kind }

// Stride is the bytes from one row of codes to the next.
func (m *Model) Stride() int { return m.stride }

// Metric and Dim are of the vectors that it encodes.
func (m *Model) Metric() compute.Metric { return m.metric }

// Dim is the components of a vector.
func (m *Model) Dim() int { return m.dim }

// Strain is the mean of what Encode returned for the rows that the model was made
// from.
func (m *Model) Strain() float32 { return m.strain }

// Faithful reports whether lists of candidates that are Slack longer hold the same
// neighbours, as measured on the sample. Where they do not, full vectors are the
// better choice.
func (m *Model) Faithful() bool { return m.depth <= faithfulDepth }

// Slack is how many places more a list of candidates needs when codes order it, to
// hold the same neighbours.
func (m *Model) Slack() int { return m.depth - goalK }

// Kept is how many components a code holds.
func (m *Model) Kept() int { return m.kept }

// MemoryBytes is what the model itself holds.
func (m *Model) MemoryBytes() int64 { return int64(4*len(m.mean) + 2*len(m.proj)) }

// Scratch is what Encode and SetVector work in. The zero value is ready.
type Scratch struct {
	centred []float32 // dim
	turned  []float32 // kept
}

func (s *Scratch) room(dim, kept int) {
	if cap(s.centred) < dim {
		s.centred = make([]float32, dim)
	}
	if cap(s.turned) < kept {
		s.turned = make([]float32, kept)
	}
	s.centred, s.turned = s.centred[:dim], s.turned[:kept]
}

// project returns the projection of v, of dim components, in s, and the squared
// length of what it leaves out.
func (m *Model) project(s *Scratch, v []float32) (y []float32, rest float32) {
	s.room(m.dim, m.kept)
	for i, c := range m.mean {
		s.centred[i] = v[i] - c
	}
	if m.proj == nil {
		return s.centred, 0
	}
	simd.DotRowsF16(s.centred, m.proj, m.dim, s.turned)
	whole, part := simd.DotF32(s.centred, s.centred), simd.DotF32(s.turned, s.turned)
	return s.turned, max(0, whole-part)
}

// Encode writes the code of v, of dim components, to dst, of Stride bytes. It
// returns how badly v fits, 0 to 1: the share of its squared distance from the mean
// that the projection leaves out, or 1 when a component is out of range.
//
//go:norace
func (m *Model) Encode(dst []byte, v []float32, s *Scratch) (strain float32) {
	y, rest := m.project(s, v)
	dst = dst[:m.stride]
	var norm float32
	if m.kind == SQ4 {
		norm = m.encode4(dst, v, y, rest)
	} else {
		norm, strain = m.encode8(dst, v, y, rest)
	}
	if rest > 0 {
		strain = max(strain, rest/(norm+rest))
	}
	return strain
}

// bias is the row's constant: norm is the squared length of the rounded vector,
// rest of what the projection left out.
func (m *Model) bias(v []float32, norm, rest float32) float32 {
	switch m.metric {
	case compute.L2:
		return norm + restShare*rest
	case compute.Cosine: // half the squared distance of unit vectors, minus one
		return (norm + restShare*rest - 1) / 2
	}
	return -simd.DotF32(v, m.mean)
}
