package budgets

import (
	"math/rand/v2"
	"runtime"
	"strings"
	"time"

	"github.com/vectorizer-go/vectorizer/bench/dataset"
	"github.com/vectorizer-go/vectorizer/bench/measure"
	"github.com/vectorizer-go/vectorizer/bench/result"
	"github.com/vectorizer-go/vectorizer/cpu/simd"
	"github.com/vectorizer-go/vectorizer/engine/index"
	"github.com/vectorizer-go/vectorizer/engine/index/hnsw"
)

const (
	ratioRows  = 16    // which stay in the first-level cache
	ratioDim   = 256   // components
	ratioPairs = 2000  // alternations
	chainSteps = 10000 // of the reference in one timing, about as long as the other side
	kernelRuns = 64    // calls of a kernel in one timing
)

// steps is the unit of ratios: one step of the reference.
const steps = "steps"

// machine names what ratios depend on.
func machine() string {
	m := measure.ThisMachine()
	return strings.TrimSpace(simd.Level() + " on " + m.CPU + " " + m.Model)
}

// kernels are the times of our kernels.
func kernels() []Value {
	rng := rand.New(rand.NewPCG(1, 1))
	f32, i8 := make([]float32, (ratioRows+1)*ratioDim), make([]int8, (ratioRows+1)*ratioDim)
	for i := range f32 {
		f32[i], i8[i] = float32(rng.NormFloat64()), int8(rng.IntN(255)-127)
	}
	outF, outI := make([]float32, ratioRows), make([]int32, ratioRows)
	one := func(name string, call func()) Value {
		return Value{Name: name, Unit: steps, Better: result.Lower, Machine: machine(),
			Value: inSteps(call, kernelRuns)}
	}
	return []Value{
		one("float32 kernel over 16 rows of 256",
			func() { simd.DotRowsF32(f32[:ratioDim], f32[ratioDim:], ratioDim, outF) }),
		one("int8 kernel over 16 rows of 256",
			func() { simd.DotRowsI8(i8[:ratioDim], i8[ratioDim:], ratioDim, outI) }),
	}
}

// searchSteps is the time of a search of a few queries, again and again, so that
// what they read stays in the cache.
func searchSteps(set *dataset.Set, x *hnsw.Index, kind string) Value {
	const few = 4
	queries := make([][]float32, few)
	for i := range queries {
		queries[i] = unit(set, set.Query(i))
	}
	hits := make([]index.Hit, 0, k)
	return Value{Name: "a search at ef 64, " + kind, Unit: steps, Better: result.Lower, Machine: machine(),
		Value: inSteps(func() {
			for _, q := range queries {
				hits = x.Search(q, index.Params{K: k, Ef: 64}, hits[:0])
			}
		}, 1) / few}
}

// inSteps is the time of one call in steps of a chain of dependent operations,
// whose time is a number of cycles that neither the compiler nor the place of the
// code changes. Both are timed in turn and the shortest time of each counts: what
// a neighbour takes away makes others longer and none shorter.
func inSteps(call func(), runs int) float64 {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var reference, ours time.Duration
	x := 1.0
	for range ratioPairs {
		begin := time.Now()
		x = chain(x)
		middle := time.Now()
		for range runs {
			call()
		}
		end := time.Now()
		reference, ours = shorter(reference, middle.Sub(begin)), shorter(ours, end.Sub(middle))
	}
	runtime.KeepAlive(x)
	return float64(ours) / float64(runs) / (float64(reference) / chainSteps)
}

// chain makes chainSteps multiplications and additions, each of which needs the
// one before.
//
//go:noinline
func chain(x float64) float64 {
	for range chainSteps {
		x = x*0.75 + 0.25
	}
	return x
}

// shorter is the smaller of two times, of which the first may be missing.
func shorter(a, b time.Duration) time.Duration {
	if a == 0 {
		return b
	}
	return min(a, b)
}
