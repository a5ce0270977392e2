package codes

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/vectorizer-go/vectorizer/cpu/simd"
	"github.com/vectorizer-go/vectorizer/engine/compute"
)

const (
	// MinRows is the smallest sample that Train takes, MaxRows the most rows that
	// it uses of one.
	MinRows = 64
	MaxRows = 4096

	// maxProjectDim bounds the components up to which rows are projected: the
	// covariance has their square.
	maxProjectDim = 2048

	// A projection is narrow enough when of the goalK nearest rows of the sample
	// at least goalShare are among the first goalDepth by code. A sample has fewer
	// rows that compete than all rows, so the goal is stricter than it looks. Codes
	// of all directions but a few may be deeper, up to wholeDepth: they err at random,
	// which a longer list mends; directions left out are missing in every list.
	goalK      = 10
	goalDepth  = 13
	wholeDepth = 16
	goalShare  = 0.99

	// faithfulDepth is the depth up to which codes are worth their while.
	faithfulDepth = 24
)

// Train makes a model from a sample: len(sample)/dim rows of dim components, of
// unit length under cosine, at least MinRows of them. Equal samples and seeds give
// equal models on one machine. It takes some tenths of a second.
func Train(kind Kind, metric compute.Metric, dim int, sample []float32, seed uint64) *Model {
	if rows := len(sample) / dim; rows > MaxRows {
		sample = sample[:MaxRows*dim]
	}
	t := &trainer{kind: kind, metric: metric, dim: dim, rows: len(sample) / dim,
		rng: rand.New(rand.NewPCG(seed, uint64(dim)))}
	t.centre(sample)
	if dim > maxProjectDim {
		return t.plain(sample)
	}
	return t.projected(sample)
}

// trainer makes one model.
type trainer struct {
	kind      Kind
	metric    compute.Metric
	dim, rows int
	rng       *rand.Rand
	mean      []float32
	centred   []float32 // the sample without its mean
}

// centre finds the mean and takes it off.
func (t *trainer) centre(sample []float32) {
	sum := make([]float64, t.dim)
	for i, x := range sample {
		sum[i%t.dim] += float64(x)
	}
	t.mean = make([]float32, t.dim)
	for i, s := range sum {
		t.mean[i] = float32(s / float64(t.rows))
	}
	t.centred = make([]float32, len(sample))
	for i, x := range sample {
		t.centred[i] = x - t.mean[i%t.dim]
	}
}

// kinds are those to try, the better one of equal width first: eight bits need a
// projection onto fewer directions, which every query waits for.
func (t *trainer) kinds() []Kind {
	if t.kind == Auto {
		return []Kind{SQ8, SQ4}
	}
	return []Kind{t.kind}
}

// widthFor is the bytes of a row of kept components.
func (k Kind) widthFor(kept int) int {
	return roundUp((kept*k.Bits()+7)/8+trailerBytes, lineBytes)
}

// plain keeps every component as it is.
func (t *trainer) plain(sample []float32) *Model {
	goal := newGoal(t, sample)
	var best *Model
	for _, kind := range t.kinds() {
		m := &Model{kind: kind, metric: t.metric, dim: t.dim, kept: t.dim, mean: t.mean, rows: t.rows}
		if kind == Binary {
			m.kept = spinWidth(t.dim)
		}
		m.stride = kind.widthFor(m.kept)
		m.drawSigns()
		m.finished(t.centred)
		goal.measure(m)
		best = better(best, m)
	}
	return best
}

// projected keeps as few directions as pass the test, or all but a few.
func (t *trainer) projected(sample []float32) *Model {
	axes := principalAxes(t.centred, t.dim, t.rng)
	goal := newGoal(t, sample)
	var best *Model
	for _, w := range t.widths() {
		m := t.withStride(sample, axes, w.kind, w.stride)
		if goal.measure(m); m.depth <= goalDepth || w.whole && m.depth <= wholeDepth {
			return m
		}
		best = better(best, m)
	}
	return best
}

// better returns the model whose lists need be less long; the first may be nil.
func better(a, b *Model) *Model {
	if a == nil || b.depth < a.depth || b.depth == a.depth && b.stride < a.stride {
		return b
	}
	return a
}

// width is one form of a row to try.
type width struct {
	kind   Kind
	stride int
	whole  bool // all directions but a few
}

// widths are the forms to try, by rising size. Of each kind the widest leaves out a
// few directions rather than begin another line.
func (t *trainer) widths() (out []width) {
	for _, k := range t.kinds() {
		widest := k.widthFor(max(t.dim-2*trailerBytes, 1))
		for stride := lineBytes; stride < widest; stride += step64(stride) {
			out = append(out, width{kind: k, stride: stride})
		}
		out = append(out, width{kind: k, stride: widest, whole: true})
	}
	slices.SortStableFunc(out, func(a, b width) int { return a.stride - b.stride })
	return out
}

// step64 is how much wider the next projection to be tried is: a line, more for
// wide rows, so that few are tried.
func step64(stride int) int { return roundUp(stride/8, lineBytes) }

// withStride makes the model of rows of stride bytes.
func (t *trainer) withStride(sample, axes []float32, kind Kind, stride int) *Model {
	m := &Model{kind: kind, metric: t.metric, dim: t.dim, mean: t.mean, stride: stride, rows: t.rows}
	m.kept = kind.room(stride)
	if kind != Binary { // of which more components than there are say more
		m.kept = min(t.dim, m.kept)
	}
	if kind != Binary && folds(t.dim, m.kept) {
		m.fold = newFold(axes[m.kept*t.dim:], t.dim)
	} else {
		turned := make([]float32, m.kept*t.dim)
		rotate(turned, axes[:min(m.kept, t.dim)*t.dim], t.dim, t.rng)
		m.setMatrix(turned)
	}
	y := make([]float32, 0, t.rows*m.kept)
	var s Scratch
	for i := range t.rows {
		y = append(y, m.project(&s, sample[i*t.dim:(i+1)*t.dim], true).y...)
	}
	return m.finished(y)
}

// setMatrix rounds the matrix to bytes.
func (m *Model) setMatrix(matrix []float32) {
	largest := float32(0)
	for _, x := range matrix {
		largest = max(largest, x, -x)
	}
	m.projStep = stepOf(largest)
	rounded := make([]int8, len(matrix))
	simd.RoundI8(rounded, matrix, 1/m.projStep)
	m.proj = make([]uint8, len(matrix))
	for i, c := range rounded {
		m.proj[i] = byte(c) ^ codeZero
	}
}

// finished sets what follows from the turned sample.
func (m *Model) finished(components []float32) *Model {
	m.step = stepFor(components)
	if m.kind == Binary {
		m.step = spread(components, m.rows)
	}
	if m.metric == compute.Dot {
		m.offset = simd.DotF32(m.mean, m.mean)
	}
	return m
}

// spread is the root mean square of the lengths of rows rows.
func spread(components []float32, rows int) float32 {
	squares := 0.0
	for _, x := range components {
		squares += float64(x) * float64(x)
	}
	s := float32(math.Sqrt(squares / float64(rows)))
	if !finite(s) || s <= 0 {
		return 1
	}
	return s
}

// stepFor is the step with which no component of the sample leaves the range.
func stepFor(components []float32) float32 {
	largest := float32(0)
	for _, x := range components {
		largest = max(largest, x, -x)
	}
	// The fullest row of the sample is not the fullest of all.
	largest *= 1.05
	if largest == 0 || math.IsInf(float64(largest), 0) {
		return 1
	}
	return largest / codeMax
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }
