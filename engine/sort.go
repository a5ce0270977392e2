package engine

import (
	"cmp"
	"slices"
)

// sortBy sorts s by a key.
func sortBy[T any, K cmp.Ordered](s []T, key func(T) K) {
	slices.SortFunc(s, func(a, b T) int { return cmp.Compare(key(a), key(b)) })
}
