//go:build !linux

package suites

import "time"

// threadCPU is unknown here: figures made of it are left out.
func threadCPU() time.Duration { return 0 }

// searchCPUs is none: threads are not pinned here.
func searchCPUs(int) []int { return nil }

// pinThread does nothing here.
func pinThread([]int, int) {}
