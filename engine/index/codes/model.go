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
	// proj is kept rows of dim components in steps of projStep, plus codeZero; nil
	// keeps every component as it is. Queries and rows go through the same rounded
	// matrix, so its rounding turns the directions a little and costs no agreement.
	proj     []uint8
	projStep float32
	fold     *fold    // instead of proj, where all directions but a few are kept
	signs    []uint64 // of spin, which turns vectors of codes of one bit without proj
	// step is from one code to the next with SQ8; with Binary the root mean square of
	// the rows' distances from the mean.
	step float32
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

// Coarse reports whether codes tell little enough that they only lead a search to where
// to look: rows are linked by vectors, and all that a search finds is ranked by them.
func (m *Model) Coarse() bool { return m.kind == Binary }

// Slack is how many places more a list of candidates needs when codes order it, to
// hold the same neighbours.
func (m *Model) Slack() int { return m.depth - goalK }

// Kept is how many components a code holds.
func (m *Model) Kept() int { return m.kept }

// MemoryBytes is what the model itself holds.
func (m *Model) MemoryBytes() int64 {
	return int64(4*len(m.mean)+len(m.proj)+8*len(m.signs)) + m.fold.bytes()
}

// Scratch is what Encode and SetVector work in. The zero value is ready.
type Scratch struct {
	centred []float32 // dim
	rounded []int8    // dim
	sums    []int32   // kept
	turned  []float32 // kept
	more    []float32 // kept
	codes   []int8    // kept
}

func (s *Scratch) room(dim, kept int) {
	if cap(s.centred) < dim {
		s.centred, s.rounded = make([]float32, dim), make([]int8, dim)
	}
	if cap(s.turned) < kept {
		s.turned, s.more = make([]float32, kept), make([]float32, kept)
		s.sums, s.codes = make([]int32, kept), make([]int8, kept)
	}
	s.centred, s.rounded = s.centred[:dim], s.rounded[:dim]
	s.turned, s.more = s.turned[:kept], s.more[:kept]
	s.sums, s.codes = s.sums[:kept], s.codes[:kept]
}

// turned is what the projection makes of a vector.
type turned struct {
	y       []float32 // kept components
	largest float32   // magnitude of them
	norm    float32   // squared length of y
	rest    float32   // squared length of what is left out
}

// project returns the projection of v, of dim components, in s. For a matrix the vector is
// rounded to eight bits first, so that it is read as bytes: it moves by about a
// hundredth of its length. If fine, what that took off is projected as well.
func (m *Model) project(s *Scratch, v []float32, fine bool) turned {
	s.room(m.dim, m.kept)
	largest, whole := simd.CentreF32(s.centred, v, m.mean)
	if m.signs != nil {
		copy(s.turned, s.centred)
		clear(s.turned[m.dim:])
		spin(s.turned, m.signs)
		return turned{y: s.turned, largest: largestOf(s.turned), norm: whole}
	}
	t := turned{y: s.turned}
	switch {
	case m.fold != nil:
		t.largest, t.norm = m.fold.turn(s.turned, s.centred, s.more[:m.fold.drop])
	case m.proj == nil:
		return turned{y: s.centred, largest: largest, norm: whole}
	default:
		m.byMatrix(s, &t, stepOf(largest), fine)
	}
	t.rest = max(0, whole-t.norm)
	return t
}

// byMatrix is project for s.centred, which a step takes to eight bits, with the matrix.
func (m *Model) byMatrix(s *Scratch, t *turned, step float32, fine bool) {
	t.largest, t.norm = m.turn(s, s.turned, step)
	if fine {
		for i, c := range s.rounded {
			s.centred[i] -= step * float32(c)
		}
		m.turn(s, s.more, step/(2*codeMax))
		for i, x := range s.more {
			s.turned[i] += x
		}
		t.norm = simd.DotF32(s.turned, s.turned)
		t.largest = largestOf(s.turned)
	}
}

// largestOf is the largest magnitude in v.
func largestOf(v []float32) (largest float32) {
	for _, x := range v {
		largest = max(largest, x, -x)
	}
	return largest
}

// drawSigns makes the signs of a model of one bit that has no matrix.
func (m *Model) drawSigns() {
	if m.kind == Binary && m.proj == nil {
		m.signs = spinSigns(m.kept)
	}
}

// turn multiplies s.centred, rounded to step, with the matrix.
func (m *Model) turn(s *Scratch, dst []float32, step float32) (largest, squares float32) {
	sum := simd.RoundI8(s.rounded, s.centred, 1/step)
	simd.DotRowsU8I8(s.rounded, m.proj, m.dim, s.sums)
	return simd.ScaleI32(dst, s.sums, codeZero*sum, step*m.projStep)
}

// stepOf is the step with which the largest component is the largest code.
func stepOf(largest float32) float32 {
	if step := largest / codeMax; step > 1e-30 {
		return step
	}
	return 1
}

// Encode writes the code of v, of dim components, to dst, of Stride bytes. It
// returns how badly v fits, 0 to 1: the share of its squared distance from the mean
// that the projection leaves out, or 1 when a component is out of range.
//
//go:norace
func (m *Model) Encode(dst []byte, v []float32, s *Scratch) (strain float32) {
	t := m.project(s, v, true)
	dst = dst[:m.stride]
	switch m.kind {
	case SQ4:
		m.encode4(dst, v, &t)
	case Binary:
		strain = m.encode1(dst, v, &t)
	default:
		strain = m.encode8(dst, v, &t, s.codes)
	}
	if t.rest > 0 {
		strain = max(strain, t.rest/(t.norm+t.rest))
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
