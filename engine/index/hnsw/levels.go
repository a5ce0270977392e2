package hnsw

import "math"

// maxLevel bounds the levels of a graph: with M = 2 one row in 65,536 reaches it.
const maxLevel = 16

// levels gives every row its level from a hash of the seed and the row number:
// nothing is stored, and an image, a replica and a rebuild agree.
type levels struct {
	seed  uint64
	above [maxLevel]uint64 // a row reaches level i+1 when its hash is below above[i]
}

// newLevels prepares levels with P(level >= l) = M^-l, which is the exponential
// law of section 4.1 with mL = 1/ln(M).
func newLevels(seed uint64, m int) levels {
	lv := levels{seed: seed}
	for i := range lv.above {
		lv.above[i] = uint64(math.Pow(float64(m), -float64(i+1)) * math.MaxUint64)
	}
	return lv
}

// of returns the level of row.
func (lv *levels) of(row uint32) int {
	h := mix(lv.seed + uint64(row)*0x9e3779b97f4a7c15)
	l := 0
	for l < maxLevel && h < lv.above[l] {
		l++
	}
	return l
}

// mix is the finaliser of SplitMix64 (Steele, Lea and Flood 2014).
func mix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
