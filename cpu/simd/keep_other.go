//go:build !amd64 || noasm || !gc

package simd

func keepNearest(list []Near, limit int, ids []uint32, dist []float32, stop, _, most float32, _ *Lists) (
	kept []Near, first, used int,
) {
	return keepNearestGeneric(list, limit, ids, dist, stop, most)
}
