package simd

// AffineLessF32 sets d[i] = mul*d[i] + add, rounded once, and bit i%64 of
// mask[i/64] where the result is below limit (NaN is not); other bits are
// cleared. mask holds a word for every 64 distances. With mul -1 and add 0 or 1
// it turns inner products into distances while it finds those worth a look.
func AffineLessF32(d []float32, mul, add, limit float32, mask []uint64) {
	if len(mask) < (len(d)+63)/64 {
		panic("BUG: simd: mask too short")
	}
	done := lessF32(d, mul, add, limit, mask)
	lessF32Generic(d[done:], mul, add, limit, mask[done/64:])
}
