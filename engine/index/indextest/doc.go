// Package indextest checks implementations of index.Graph against an exact
// answer, and holds the data sets that their tests and benchmarks share.
package indextest
