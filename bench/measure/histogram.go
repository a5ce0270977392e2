// Package measure holds what every benchmark needs: latency histograms, recall,
// the CPU time and memory of a process, the description of a machine, and the
// statistics that compare two samples.
package measure

import (
	"math/bits"
	"time"
)

// Histogram counts durations in buckets whose width is 1/64 of their value, so a
// percentile is exact to 1.6 %. It is not safe for concurrent use: each worker
// has its own, and Merge adds them up. The zero value is ready.
type Histogram struct {
	counts [bucketCount]uint64
	count  uint64
	sum    time.Duration
	max    time.Duration
}

const (
	subBits     = 6 // 64 buckets per power of two
	subCount    = 1 << subBits
	bucketCount = (64 - subBits + 1) * subCount
)

// Add counts one duration; a negative one counts as 0.
func (h *Histogram) Add(d time.Duration) {
	d = max(d, 0)
	h.counts[bucketOf(uint64(d))]++
	h.count++
	h.sum += d
	h.max = max(h.max, d)
}

// Merge adds what o counted.
func (h *Histogram) Merge(o *Histogram) {
	for i, n := range o.counts {
		h.counts[i] += n
	}
	h.count += o.count
	h.sum += o.sum
	h.max = max(h.max, o.max)
}

// Count is the number of durations added.
func (h *Histogram) Count() uint64 { return h.count }

// Mean is their arithmetic mean, 0 when there are none.
func (h *Histogram) Mean() time.Duration {
	if h.count == 0 {
		return 0
	}
	return h.sum / time.Duration(h.count)
}

// Max is the longest, exactly.
func (h *Histogram) Max() time.Duration { return h.max }

// Quantile returns the duration that the share q (0 to 1) of all durations does
// not exceed, 0 when there are none.
func (h *Histogram) Quantile(q float64) time.Duration {
	if h.count == 0 {
		return 0
	}
	rank := uint64(q * float64(h.count))
	if rank >= h.count {
		return h.max
	}
	var seen uint64
	for i, n := range h.counts {
		if seen += n; seen > rank {
			return min(bucketTop(i), h.max)
		}
	}
	return h.max
}

// Bucket is one bar of a histogram.
type Bucket struct {
	Top   time.Duration // durations up to this, and above the bar before
	Count uint64
}

// Buckets returns the bars that are not empty, merged to perDoubling bars per
// power of two (a power of two itself, at most 64).
func (h *Histogram) Buckets(perDoubling int) []Bucket {
	group := subCount / perDoubling
	var out []Bucket
	for i := 0; i < bucketCount; i += group {
		var n uint64
		for _, c := range h.counts[i : i+group] {
			n += c
		}
		if n > 0 {
			out = append(out, Bucket{Top: bucketTop(i + group - 1), Count: n})
		}
	}
	return out
}

// bucketOf maps v to its bucket: values below 64 have one each; above, the
// exponent and the 6 bits after the leading one.
func bucketOf(v uint64) int {
	if v < subCount {
		return int(v)
	}
	exp := bits.Len64(v) - 1 - subBits
	return (exp+1)<<subBits + int(v>>exp) - subCount
}

// bucketTop is the largest value of bucket i.
func bucketTop(i int) time.Duration {
	if i < subCount {
		return time.Duration(i)
	}
	exp := i>>subBits - 1
	base := uint64(i&(subCount-1)+subCount) << exp
	return time.Duration(base + 1<<exp - 1)
}
