//go:build !amd64 || noasm || !gc

package simd

func centreF32([]float32, []float32, []float32) (done int, largest, squares float32) { return 0, 0, 0 }

func scaleI32([]float32, []int32, int32, float32) (done int, largest, squares float32) {
	return 0, 0, 0
}

func roundI8([]int8, []float32, float32) (done int, sum int32) { return 0, 0 }

func widenU4(dst []int8, row []uint8) (sum int32) { return widenU4Generic(dst, row) }
