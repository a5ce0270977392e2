//go:build !amd64 || noasm || !gc

package simd

func keepNearest(list []Near, limit int, ids []uint32, dist []float32, stop, _ float32, _ *Lists) ([]Near, int, int) {
	return keepNearestGeneric(list, limit, ids, dist, stop)
}
