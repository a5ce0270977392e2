//go:build noasm || !gc || !amd64

package simd

// Without a register tile every query goes over the rows by itself; they are in
// the cache.
func dotTileF32([]float32, int, int, []float32, int, int, []float32, int) int { return 0 }
func l2TileF32([]float32, int, int, []float32, int, int, []float32, int) int  { return 0 }

func lessF32([]float32, float32, float32, float32, []uint64) int { return 0 }
