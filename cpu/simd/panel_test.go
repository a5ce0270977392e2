package simd

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/vectorizer-go/vectorizer/cpu/simd/simdtest"
)

// panelKernel is one metric's product over a panel.
type panelKernel struct {
	name   string
	run    func(panel []float32, dim int, rows []float32, stride, count int, out []float32)
	oracle func(a, b []float32) (sum, abs float64)
}

func panelKernels() []panelKernel {
	return []panelKernel{{"dot", DotPanelF32, dot64}, {"l2", L2PanelF32, l264}}
}

// TestPanelF32 covers every group of rows, dimensions around the block that is
// summed at a time, and panels that are not full.
func TestPanelF32(t *testing.T) {
	simdtest.EachLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(15, 15))
		for _, k := range panelKernels() {
			for count := range 31 {
				checkPanelOf(t, r, k, 1+r.IntN(40), 1+r.IntN(PanelQueries), count)
			}
			for _, n := range []int{1, panelBlock - 1, panelBlock, panelBlock + 1, 2*panelBlock + 3} {
				checkPanelOf(t, r, k, n, PanelQueries, 17)
			}
		}
	})
}

func checkPanelOf(t *testing.T, r *rand.Rand, k panelKernel, n, nq, count int) {
	t.Helper()
	stride := n + n%3
	queries := misaligned(randomF32(r, nq*n), n%4)
	rows := misaligned(randomF32(r, max(0, (count-1)*stride+n)), n%3)
	panel := misaligned(randomF32(r, n*PanelQueries), 1)
	PackPanelF32(panel, queries, n)
	out := guarded(t, count*PanelQueries)
	k.run(panel, n, rows, stride, count, out)
	zero := make([]float32, n)
	for i := range out {
		q, j := zero, i/PanelQueries
		if at := i % PanelQueries; at < nq {
			q = queries[at*n : (at+1)*n]
		}
		want, abs := k.oracle(q, rows[j*stride:j*stride+n])
		if !near(out[i], want, abs, tolF32(n)) {
			t.Fatalf("%s n=%d, %d queries, row %d of %d, query %d: got %v want %v",
				k.name, n, nq, j, count, i%PanelQueries, out[i], want)
		}
	}
}

func TestAffineLessPanelF32(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	simdtest.EachLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(16, 16))
		for rows := range 20 {
			in := randomF32(r, rows*PanelQueries)
			for _, special := range []float32{nan, inf, -inf, 0} {
				if rows > 0 {
					in[r.IntN(len(in))] = special
				}
			}
			limits := [PanelQueries]float32{0: inf, 1: -inf, 2: nan}
			for i := 3; i < PanelQueries; i++ {
				limits[i] = r.Float32()
			}
			d, mask := guarded(t, len(in)), make([]uint32, rows)
			copy(d, in)
			AffineLessPanelF32(d, -1, 1, &limits, mask)
			for i, x := range in {
				want, at := 1-x, i%PanelQueries
				if d[i] != want && !(d[i] != d[i] && want != want) {
					t.Fatalf("%d rows [%d]: %v became %v", rows, i, x, d[i])
				}
				if got := mask[i/PanelQueries]>>at&1 != 0; got != (want < limits[at]) {
					t.Fatalf("%d rows [%d]: %v below %v is %v", rows, i, want, limits[at], got)
				}
			}
		}
	})
}

func TestPanelAllocs(t *testing.T) {
	rows, out := make([]float32, 16*64), make([]float32, 16*PanelQueries)
	allocs := testing.AllocsPerRun(100, func() {
		var panel, queries [64 * PanelQueries]float32
		var limits [PanelQueries]float32
		var mask [16]uint32
		PackPanelF32(panel[:], queries[:], 64)
		DotPanelF32(panel[:], 64, rows, 64, 16, out)
		L2PanelF32(panel[:], 64, rows, 64, 16, out)
		AffineLessPanelF32(out, 1, 0, &limits, mask[:])
	})
	if allocs != 0 {
		t.Fatalf("%v allocations a call, want 0: the slices must stay on the stack", allocs)
	}
}

func TestBadPanelsPanic(t *testing.T) {
	f := func(name string, call func()) {
		t.Helper()
		defer func() {
			if recover() == nil {
				t.Fatalf("%s did not panic", name)
			}
		}()
		call()
	}
	v := make([]float32, 8*PanelQueries)
	f("panel", func() { DotPanelF32(v, 7, v, 8, 1, v) })
	f("rows", func() { L2PanelF32(v, 8, v[:15], 8, 2, v) })
	f("out", func() { L2PanelF32(v, 8, v, 8, 2, v[:63]) })
	f("queries", func() { PackPanelF32(v, make([]float32, 8*PanelQueries+8), 8) })
	f("mask", func() { AffineLessPanelF32(v, 1, 0, new([PanelQueries]float32), make([]uint32, 9)) })
}

// BenchmarkPanelF32 reports the multiplications a second of a panel of 32 queries
// on rows in the caches.
func BenchmarkPanelF32(b *testing.B) {
	const dim, count = 256, 48
	r := rand.New(rand.NewPCG(17, 17))
	panel, rows := randomF32(r, dim*PanelQueries), randomF32(r, dim*count)
	out := make([]float32, count*PanelQueries)
	for _, k := range panelKernels() {
		b.Run(k.name, func(b *testing.B) {
			for b.Loop() {
				k.run(panel, dim, rows, dim, count, out)
			}
			b.ReportMetric(float64(len(panel)*count)*float64(b.N)/b.Elapsed().Seconds()/1e9, "Gmul/s")
		})
	}
}

// emulatePanels runs the panel's kernels in the interpreter.
func emulatePanels(t *testing.T, p *asmProgram, used map[string]bool, level string, r *rand.Rand) {
	for name, generic := range map[string]func(panel, rows []float32, stride, count int, out []float32, first int){
		"dotPanelF32" + level: dotPanelF32Generic, "l2PanelF32" + level: l2PanelF32Generic,
	} {
		used[name] = true
		for _, count := range []int{1, 2, 3, 4, 11, 12, 30} {
			for add := range 2 {
				n := 1 + r.IntN(20)
				stride := n + r.IntN(3)
				panel, rows := randomF32(r, n*PanelQueries), randomF32(r, (count-1)*stride+n)
				out := randomF32(r, count*PanelQueries)
				want := slices.Clone(out)
				generic(panel, rows, stride, count, want, add)
				m := newEmu(t, p)
				m.call(name, placeSlice(m, panel), uint64(n), placeSlice(m, rows), uint64(4*stride),
					placeSlice(m, out), uint64(count), uint64(add), uint64(12*4*stride))
				for i := range out {
					if !near(out[i], float64(want[i]), 100, 1e-6) {
						t.Fatalf("%s n=%d count %d add %d [%d]: got %v want %v",
							name, n, count, add, i, out[i], want[i])
					}
				}
			}
		}
	}
	less := "lessPanelF32" + level
	used[less] = true
	d, limits := randomF32(r, 3*PanelQueries), [PanelQueries]float32{}
	mask, wantMask := make([]uint32, 3), make([]uint32, 3)
	want := slices.Clone(d)
	lessPanelF32Generic(want, -1, 1, &limits, wantMask)
	m := newEmu(t, p)
	scale := uint64(math.Float32bits(-1)) | uint64(math.Float32bits(1))<<32
	m.call(less, placeSlice(m, d), 3, scale, placeSlice(m, limits[:]), placeSlice(m, mask))
	if !slices.Equal(d, want) || !slices.Equal(mask, wantMask) {
		t.Fatalf("less: got %x want %x", mask, wantMask)
	}
}
