package config

// Nearest returns the candidate that name most likely stands for; the first one
// wins a tie.
func Nearest(name string, candidates []string) string {
	best, bestScore := "", 1<<30
	for _, c := range candidates {
		if d := distance(clip(name), c); d < bestScore {
			best, bestScore = c, d
		}
	}
	return best
}

// distance is the number of single-letter edits (insert, delete, replace,
// exchange of neighbours) between a and b: the optimal string alignment
// distance.
func distance(a, b string) int {
	var prev2 []int
	prev := make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur := make([]int, len(b)+1)
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
		prev2, prev = prev, cur
	}
	return prev[len(b)]
}

// clip cuts a name that a user gave, so that distance stays cheap.
func clip(name string) string {
	const longest = 128
	if len(name) > longest {
		return name[:longest]
	}
	return name
}
