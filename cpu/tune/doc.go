// Package tune measures on the machine at hand how far ahead rows are best fetched
// into the cache, and keeps what it found in a file, so that the next start need not
// measure again.
//
// What is right depends on the latency of the memory, on how many misses a core keeps
// under way, and on what the prefetchers of the hardware do by themselves; a table
// from another machine may be off. A measurement of a few hundredths of a second on
// a machine where others work is noisy, so it must win clearly: every depth is tried
// in turn in every round, the best of the even rounds and of the odd ones count, and
// the table stays unless the worse of another depth's two beats the better of its own by
// Margin.
//
// Nothing here changes a result: see simd.Fetch.
package tune
