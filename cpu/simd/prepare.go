package simd

import (
	"fmt"
	"math"
)

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

// WidenU4 sets dst to 2c - 15 for every code c of a row of ScoreGatherU4, in the
// order of its query, zero where its constants lie, and returns the sum. dst is twice
// as long as row.
func WidenU4(dst []int8, row []uint8) (sum int32) {
	if len(dst) != 2*len(row) || len(row)%codeLine != 0 || len(row) == 0 {
		panic(fmt.Sprintf("BUG: simd: %d codes of a row of %d bytes", len(dst), len(row)))
	}
	return 2*widenU4(dst, row) - fourMax*2*int32(len(row)-CodeTrailerBytes)
}

// fourMax is the largest code of four bits.
const fourMax = 15

// widenU4Generic is WidenU4 in plain Go, but returns the sum of the codes.
//
//go:norace
func widenU4Generic(dst []int8, row []uint8) (sum int32) {
	for at, c := range row {
		out := dst[at/codeLine*2*codeLine+at%codeLine:]
		if at >= len(row)-CodeTrailerBytes {
			out[0], out[codeLine] = 0, 0
			continue
		}
		low, high := int8(c&fourMax), int8(c>>4)
		out[0], out[codeLine] = 2*low-fourMax, 2*high-fourMax
		sum += int32(low) + int32(high)
	}
	return sum
}
