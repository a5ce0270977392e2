package simd

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// BenchmarkGather reports ns per row and GB/s of groups of 16 random rows, from
// a block in the second-level cache and from one that no cache holds.
func BenchmarkGather(b *testing.B) {
	for _, rows := range []int{256, 100_000} {
		for _, k := range f32Kernels() {
			b.Run(fmt.Sprintf("%s/%dx256", k.name, rows), func(b *testing.B) {
				benchGather(b, k, rows, 256)
			})
		}
	}
}

func benchGather(b *testing.B, k f32Kernel, rows, dim int) {
	const group = 16
	r := rand.New(rand.NewPCG(1, 1))
	q, block, out := randomF32(r, dim), randomF32(r, rows*dim), make([]float32, group)
	ids := make([]uint32, 1<<14)
	for i := range ids {
		ids[i] = uint32(r.IntN(rows))
	}
	at := 0
	for b.Loop() {
		k.gather(q, block, dim, ids[at:at+group], out)
		if at += group; at == len(ids) {
			at = 0
		}
	}
	perRow := float64(b.Elapsed().Nanoseconds()) / float64(b.N) / group
	b.ReportMetric(perRow, "ns/row")
	b.ReportMetric(float64(dim*4)/perRow, "GB/s")
	last := int(ids[(at+len(ids)-1)%len(ids)]) * dim
	if want, abs := k.oracle(q, block[last:last+dim]); !near(out[group-1], want, abs, tolF32(dim)) {
		b.Fatalf("got %v want %v", out[group-1], want)
	}
}
