package simd

import (
	"math/rand/v2"
	"testing"
)

// BenchmarkTileF32 reports the multiplications a second of 64 queries on a tile
// of rows in the first-level cache.
func BenchmarkTileF32(b *testing.B) {
	const nq, dim, count = 64, 256, 18
	r := rand.New(rand.NewPCG(11, 11))
	queries, rows := randomF32(r, nq*dim), randomF32(r, count*dim)
	out := make([]float32, nq*count)
	for name, tile := range map[string]func([]float32, int, []float32, int, int, []float32, int){
		"dot": DotTileF32, "l2": L2TileF32,
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				tile(queries, dim, rows, dim, count, out, count)
			}
			b.ReportMetric(float64(nq*dim*count)*float64(b.N)/b.Elapsed().Seconds()/1e9, "Gmul/s")
		})
	}
}
