package cpu

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestKeyOrder(t *testing.T) {
	inf := float32(math.Inf(1))
	ascending := []float32{-inf, -math.MaxFloat32, -1, -1e-45, 0, 1e-45, 1, math.MaxFloat32, inf}
	for i, a := range ascending {
		if got := keyDist(makeKey(a, 7)); got != a {
			t.Fatalf("%v came back as %v", a, got)
		}
		if makeKey(a, 3) >= makeKey(a, 4) {
			t.Fatalf("%v: row 3 must come before row 4", a)
		}
		if i > 0 && makeKey(ascending[i-1], math.MaxUint32) >= makeKey(a, 0) {
			t.Fatalf("%v must come before %v", ascending[i-1], a)
		}
	}
	if makeKey(0, 5) != makeKey(float32(math.Copysign(0, -1)), 5) {
		t.Fatal("0 and -0 must be equal")
	}
	if makeKey(float32(math.NaN()), 5) != makeKey(inf, 5) {
		t.Fatal("NaN must be the worst distance")
	}
}

func TestTopK(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		k, n := 1+r.IntN(40), r.IntN(120)
		heap := topK{keys: make([]key, 0, k), k: k}
		var all []key
		for range n {
			x := makeKey(float32(r.IntN(20)), uint32(r.IntN(1000)))
			all = append(all, x)
			heap.push(x)
		}
		slices.Sort(all)
		ids, dist := make([]uint32, k), make([]float32, k)
		heap.drain(ids, dist)
		for i := range ids {
			if i >= n {
				if !math.IsInf(float64(dist[i]), 1) || ids[i] != math.MaxUint32 {
					t.Fatalf("slot %d of %d: row %d at %v", i, n, ids[i], dist[i])
				}
				continue
			}
			if ids[i] != uint32(all[i]) || dist[i] != keyDist(all[i]) {
				t.Fatalf("slot %d: row %d at %v, want %x", i, ids[i], dist[i], all[i])
			}
		}
	}
}
