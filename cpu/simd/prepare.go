package simd

import "math"

// What makes a vector into a query of codes. Sums are in the order of the level, so
// levels differ in the last bits.

// CentreF32 sets dst to v - mean, all of equal length, and returns the largest
// magnitude and the sum of the squares.
func CentreF32(dst, v, mean []float32) (largest, squares float32) {
	checkPair(len(dst), len(v))
	checkPair(len(dst), len(mean))
	done, largest, squares := centreF32(dst, v, mean)
	for i := done; i < len(dst); i++ {
		x := v[i] - mean[i]
		dst[i] = x
		largest = max(largest, x, -x)
		squares += x * x
	}
	return largest, squares
}

// ScaleI32 sets dst to scale × (v - shift), of equal length, and returns the largest
// magnitude and the sum of the squares.
func ScaleI32(dst []float32, v []int32, shift int32, scale float32) (largest, squares float32) {
	checkPair(len(dst), len(v))
	done, largest, squares := scaleI32(dst, v, shift, scale)
	for i := done; i < len(dst); i++ {
		x := float32(v[i]-shift) * scale
		dst[i] = x
		largest = max(largest, x, -x)
		squares += x * x
	}
	return largest, squares
}

// RoundI8 sets dst to the integers nearest to by × v, ties to even, within ±127, and
// returns their sum. A product that no int32 holds becomes -127 at some levels.
func RoundI8(dst []int8, v []float32, by float32) (sum int32) {
	checkPair(len(dst), len(v))
	done, sum := roundI8(dst, v, by)
	for i := done; i < len(dst); i++ {
		c := min(max(math.RoundToEven(float64(v[i]*by)), -127), 127)
		dst[i] = int8(c)
		sum += int32(c)
	}
	return sum
}
