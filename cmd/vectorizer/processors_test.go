package main

import (
	"runtime"
	"testing"
)

// TestSpareProcessor: the runtime gets one more than there are, and who sets GOMAXPROCS
// gets that.
func TestSpareProcessor(t *testing.T) {
	had := runtime.GOMAXPROCS(0)
	t.Cleanup(func() { runtime.GOMAXPROCS(had) })
	for env, more := range map[string]int{"": 1, "7": 0} {
		runtime.GOMAXPROCS(had)
		t.Setenv("GOMAXPROCS", env)
		if n := spareProcessor(); n != had || runtime.GOMAXPROCS(0) != had+more {
			t.Errorf("GOMAXPROCS=%q: %d processors, the runtime has %d; want %d and %d more", env, n,
				runtime.GOMAXPROCS(0), had, more)
		}
	}
}
