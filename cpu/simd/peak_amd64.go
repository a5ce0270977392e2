//go:build amd64 && !noasm && gc

package simd

import "github.com/vectorizer-go/vectorizer/cpu/simd/internal/cpulevel"

func peakF32(turns int) int {
	switch cpulevel.Now {
	case cpulevel.AVX512:
		peakF32AVX512(turns)
		return turns * 24 * 16 // sums, lanes
	case cpulevel.AVX2:
		peakF32AVX2(turns)
		return turns * 12 * 8
	}
	return 0
}
