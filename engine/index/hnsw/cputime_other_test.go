//go:build !linux

package hnsw

import "time"

// Elsewhere the clock stands for processor time.
func cpuTime() time.Duration    { return time.Duration(time.Now().UnixNano()) }
func threadTime() time.Duration { return cpuTime() }
