package simd

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/vectorizer-go/vectorizer/cpu/simd/simdtest"
)

// keepCase is one call of KeepNearest.
type keepCase struct {
	list       []Near
	limit      int
	ids        []uint32
	dist       []float32
	stop, than float32
	most       float32
	lists      Lists
}

// newKeepCase draws one of few different distances, so that many are equal.
func newKeepCase(r *rand.Rand, limit, count int) *keepCase {
	draw := func() float32 { return float32(r.IntN(60)) - 20 }
	c := &keepCase{limit: limit, stop: draw(), than: draw(), most: draw()}
	if r.IntN(2) == 0 {
		c.most = float32(math.Inf(1))
	}
	if r.IntN(2) == 0 {
		c.stop = 0.5 // met by none
	}
	for range r.IntN(limit + 1) {
		c.list = append(c.list, Near{draw(), uint32(r.IntN(1<<20)) | uint32(r.IntN(4))<<30})
	}
	slices.SortFunc(c.list, func(a, b Near) int { return int(a.Dist - b.Dist) })
	for range count {
		c.ids, c.dist = append(c.ids, uint32(r.IntN(16))), append(c.dist, draw())
	}
	for range r.IntN(2) * min(count, 1) {
		c.dist[r.IntN(count)] = float32(math.NaN())
		c.dist[r.IntN(count)] = float32(math.Inf(1))
		c.dist[r.IntN(count)] = float32(math.Inf(-1))
	}
	c.lists = Lists{Links: make([]uint32, 16*32), Stride: 32, Lines: r.IntN(3)}
	return c
}

// want is what the call returns, one row after the other.
func (c *keepCase) want() (list []Near, first, used int) {
	list, first = slices.Clone(c.list), c.limit
	for i, d := range c.dist {
		at := 0
		for at < len(list) && list[at].Dist <= d {
			at++
		}
		if !(d < c.most) || at == c.limit {
			continue
		}
		if d == c.stop {
			return list, first, i
		}
		list = slices.Insert(list, at, Near{d, c.ids[i]})
		list = list[:min(len(list), c.limit)]
		first = min(first, at)
	}
	return list, first, len(c.dist)
}

func (c *keepCase) check(t *testing.T, list []Near, dist []float32) {
	t.Helper()
	want, wantFirst, wantUsed := c.want()
	got, first, used := KeepNearest(list, c.limit, c.ids, dist, c.stop, c.than, c.most, &c.lists)
	if !slices.Equal(got, want) || first != wantFirst || used != wantUsed {
		t.Fatalf("%+v\ngot  %v, first %d, used %d\nwant %v, first %d, used %d", c, got, first, used, want, wantFirst,
			wantUsed)
	}
}

func TestKeepNearest(t *testing.T) {
	simdtest.EachLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 3))
		for range 20_000 {
			c := newKeepCase(r, 1+r.IntN(40), r.IntN(36))
			list := append(make([]Near, 0, c.limit), c.list...)
			dist := append(make([]float32, 0, len(c.dist)+r.IntN(9)), c.dist...)
			c.check(t, list, dist)
		}
	})
}

func TestKeepNearestRefuses(t *testing.T) {
	for name, call := range map[string]func(){
		"no room":       func() { KeepNearest(make([]Near, 1), 2, nil, nil, 0, 0, 0, &Lists{}) },
		"a longer list": func() { KeepNearest(make([]Near, 3), 2, nil, nil, 0, 0, 0, &Lists{}) },
		"rows missing": func() {
			KeepNearest(make([]Near, 0, 2), 2, make([]uint32, 1), make([]float32, 2), 0, 0, 0, &Lists{})
		},
	} {
		if message := recovered(call); message == nil {
			t.Errorf("%s: no panic", name)
		}
	}
}

// recovered is what call panics with.
func recovered(call func()) (message any) {
	defer func() { message = recover() }()
	call()
	return nil
}

func BenchmarkKeepNearest(b *testing.B) {
	r := rand.New(rand.NewPCG(4, 4))
	const limit, hops, links = 36, 40, 13
	inf := float32(math.Inf(1))
	ids := make([]uint32, links)
	dist := make([]float32, hops*links+8)
	list := make([]Near, 0, limit)
	for b.Loop() {
		b.StopTimer()
		for i := range dist { // rows come nearer as a walk goes on
			dist[i] = r.Float32() * (2 - float32(i)/(hops*links))
		}
		b.StartTimer()
		list = list[:0]
		for hop := range hops {
			list, _, _ = KeepNearest(list, limit, ids, dist[hop*links:][:links], -1, -1, inf, &Lists{})
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/hops, "ns/hop")
}
