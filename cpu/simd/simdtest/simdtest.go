// Package simdtest lets tests of any package run the kernels of cpu/simd at
// every level that the machine has.
package simdtest

import (
	"testing"

	"github.com/vectorizer-go/vectorizer/cpu/simd/internal/cpulevel"
)

// Levels lists the levels this machine and build can run, lowest first.
func Levels() []string {
	var names []string
	for _, l := range cpulevel.Available() {
		names = append(names, l.String())
	}
	return names
}

// Lower sets the level until tb ends. No kernel may be running in another
// goroutine then, so tests that call it must not be parallel.
func Lower(tb testing.TB, name string) {
	tb.Helper()
	l, ok := cpulevel.Parse(name)
	if !ok {
		tb.Fatalf("no SIMD level is called %q", name)
	}
	for _, have := range cpulevel.Available() {
		if have == l {
			old := cpulevel.Now
			cpulevel.Now = l
			tb.Cleanup(func() { cpulevel.Now = old })
			return
		}
	}
	tb.Fatalf("SIMD level %s is not available here, only %v", name, Levels())
}

// EachLevel runs f once per available level as a subtest named after it, and
// logs which levels ran, so that a log shows what was not covered.
func EachLevel(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	t.Logf("SIMD levels run here: %v", Levels())
	for _, name := range Levels() {
		t.Run(name, func(t *testing.T) {
			Lower(t, name)
			f(t)
		})
	}
}
