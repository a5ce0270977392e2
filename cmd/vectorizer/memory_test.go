package main

import (
	"math"
	"runtime/debug"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rs/zerolog"
)

func TestLimitMemory(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(before)
	root := fstest.MapFS{
		"proc/self/cgroup":         {Data: []byte("0::/\n")},
		"sys/fs/cgroup/memory.max": {Data: []byte("1000000000\n")},
	}
	f := func(root fstest.MapFS, want int64, environ ...string) {
		t.Helper()
		debug.SetMemoryLimit(math.MaxInt64)
		var log strings.Builder
		limitMemory(zerolog.New(&log), root, environ)
		if got := debug.SetMemoryLimit(-1); got != want {
			t.Errorf("limit %d, want %d", got, want)
		}
		if told := strings.Contains(log.String(), "control group"); told != (want != math.MaxInt64) {
			t.Errorf("limit %d, log %q", want, log.String())
		}
	}
	f(root, 900000000)
	f(root, math.MaxInt64, "GOMEMLIMIT=1GiB")
	f(fstest.MapFS{}, math.MaxInt64)
}
