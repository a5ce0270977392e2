package measure

// Truth is the exact answer to one query: rows in order of distance.
type Truth struct {
	Rows []int32
	// Dist returns the exact distance of a base row to the query, smaller is
	// nearer.
	Dist func(row int32) float64
}

// tieTolerance is how much farther than the k-th neighbour a result may be and
// still count: float32 cannot tell such rows apart.
const tieTolerance = 1e-6

// Recall is the share of the k nearest rows that found holds. A row that is as
// near as the k-th neighbour counts too: of equal neighbours any is right. Rows
// given twice count once. k is at most len(t.Rows).
func Recall(found []int32, t Truth, k int) float64 {
	kth := t.Dist(t.Rows[k-1])
	limit := kth + tieTolerance*max(1, abs(kth))
	hits := 0
	for i, row := range found[:min(k, len(found))] {
		if contains(found[:i], row) {
			continue
		}
		if contains(t.Rows[:k], row) || t.Dist(row) <= limit {
			hits++
		}
	}
	return float64(hits) / float64(k)
}

func contains(rows []int32, row int32) bool {
	for _, r := range rows {
		if r == row {
			return true
		}
	}
	return false
}

func abs(x float64) float64 {
	if x < 0 {
		return -x
	}
	return x
}
