package dataset

import "fmt"

// Cut returns a smaller set: rows base rows and queries queries taken at even
// steps over the whole, with exact truth for k neighbours over the rows kept.
func Cut(s *Set, rows, queries, k int) *Set {
	out := &Set{
		Name: fmt.Sprintf("%s-%dk", s.Name, rows/1000), Metric: s.Metric, Dim: s.Dim,
		Base:    everyNth(s.Base, s.Dim, rows),
		Queries: everyNth(s.Queries, s.Dim, queries),
		TruthK:  k, SHA256: s.SHA256, Origin: s.Origin,
	}
	out.Truth = Exact(out.Metric, out.Base, out.Queries, out.Dim, k)
	return out
}

// everyNth copies n rows at even steps.
func everyNth(rows []float32, dim, n int) []float32 {
	have := len(rows) / dim
	n = min(n, have)
	out := make([]float32, 0, n*dim)
	for i := range n {
		at := i * have / n * dim
		out = append(out, rows[at:at+dim]...)
	}
	return out
}
