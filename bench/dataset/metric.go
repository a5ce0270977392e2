package dataset

import (
	"math"
	"strings"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/errs"
)

// ParseMetric reads a metric's name in any of the spellings of the HTTP API.
func ParseMetric(name string) (compute.Metric, error) {
	switch strings.ToLower(name) {
	case "cosine":
		return compute.Cosine, nil
	case "euclidean", "euclid", "l2":
		return compute.L2, nil
	case "dot", "dot_product", "dotproduct":
		return compute.Dot, nil
	}
	return 0, errs.Invalid("metric", "cosine, euclidean or dot", name)
}

// MetricName is the name ParseMetric reads back.
func MetricName(m compute.Metric) string {
	switch m {
	case compute.Cosine:
		return "cosine"
	case compute.L2:
		return "euclidean"
	case compute.Dot:
		return "dot"
	}
	return "unknown"
}

// metricOfName is the metric of a folder without set.json: TEXMEX sets are
// euclidean; those of text embeddings carry a name that says so.
func metricOfName(name string) compute.Metric {
	for _, word := range []string{"lsa", "cosine", "angular"} {
		if strings.Contains(name, word) {
			return compute.Cosine
		}
	}
	return compute.L2
}

// distance64 is the distance of a metric in float64, smaller is nearer. norms
// are the lengths of the two vectors, used under cosine only.
func distance64(m compute.Metric, a, b []float32, normA, normB float64) float64 {
	var sum float64
	if m == compute.L2 {
		for i, x := range a {
			d := float64(x) - float64(b[i])
			sum += d * d
		}
		return sum
	}
	for i, x := range a {
		sum += float64(x) * float64(b[i])
	}
	if m == compute.Cosine {
		return 1 - sum/(normA*normB)
	}
	return -sum
}

// norm64 is the length of v, or 1 for the zero vector.
func norm64(v []float32) float64 {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if sum == 0 {
		return 1
	}
	return math.Sqrt(sum)
}
