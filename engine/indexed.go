package engine

import (
	"math"
	"unsafe"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// unit appends v scaled to unit length to dst; norm2 is its squared norm.
func unit(dst, v []float32, norm2 float64) []float32 {
	scale := 1 / math.Sqrt(norm2)
	for _, x := range v {
		dst = append(dst, float32(float64(x)*scale))
	}
	return dst
}

// indexed returns v as the index stores it: scaled to unit length under cosine,
// as it is otherwise. scratch is reused.
func indexed(scratch *[]float32, v []float32, norm2 float64, cfg *CollectionConfig) []float32 {
	if cfg.Metric != compute.Cosine {
		return v
	}
	*scratch = unit((*scratch)[:0], v, norm2)
	return *scratch
}

// stringOf views b as a string; b must not change any more.
func stringOf(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	return unsafe.String(&b[0], len(b))
}
