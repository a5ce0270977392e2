package codes

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// models are one of each form.
func models() (out []*Model) {
	r := rand.New(rand.NewPCG(9, 9))
	base := lowRank(r, 100, 12, 3, compute.L2)
	t := &trainer{kind: SQ8, metric: compute.Dot, dim: 12, rows: 100, rng: r}
	t.centre(base)
	bits := *t
	bits.kind = Binary
	wide := lowRank(r, 100, 72, 72, compute.L2)
	return []*Model{bits.plain(base), Train(SQ4, compute.L2, 72, wide, 1),
		Train(SQ8, compute.L2, 12, base, 1), t.plain(base), Train(SQ4, compute.Cosine, 12, base, 1),
		Train(Binary, compute.L2, 12, base, 1)}
}

func TestModelRoundTrip(t *testing.T) {
	for _, m := range models() {
		b := m.Append(nil)
		got, err := Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Append(nil), b) {
			t.Fatal("another model came back")
		}
		v := make([]float32, m.Dim())
		for i := range v {
			v[i] = float32(i + 1)
		}
		var s Scratch
		one, two := make([]byte, m.Stride()), make([]byte, m.Stride())
		m.Encode(one, v, &s)
		got.Encode(two, v, &s)
		if !slices.Equal(one, two) {
			t.Fatal("the codes differ")
		}
		if m.Dim() > 12 != (m.fold != nil) {
			t.Fatalf("%d of %d components, fold %v", m.Kept(), m.Dim(), m.fold)
		}
		for cut := range b {
			if _, err := Parse(b[:cut]); err == nil {
				t.Fatalf("%d bytes of %d were taken", cut, len(b))
			}
		}
	}
}

// FuzzModel parses anything, and uses what is accepted.
func FuzzModel(f *testing.F) {
	for _, m := range models() {
		f.Add(m.Append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Parse(b)
		if err != nil {
			return
		}
		if !bytes.Equal(m.Append(nil), b) {
			t.Fatal("what was parsed is written differently")
		}
		row := make([]byte, m.Stride())
		m.Encode(row, make([]float32, m.dim), new(Scratch))
		var q Query
		m.SetVector(&q, make([]float32, m.dim))
		m.Gather(&q, row, []uint32{0}, make([]float32, 1))
		if m.Coarse() {
			return
		}
		m.SetCode(&q, row)
		m.Gather(&q, row, []uint32{0}, make([]float32, 1))
	})
}
