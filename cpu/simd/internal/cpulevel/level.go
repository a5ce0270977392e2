// Package cpulevel holds the one instruction set that the kernels of cpu/simd
// use. It is internal so that only those kernels and their test hook see it.
package cpulevel

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// Level names an instruction set. Within one architecture a larger level
// includes the smaller ones.
type Level uint8

// The levels. Generic is plain Go and exists everywhere.
const (
	Generic Level = iota
	AVX2          // AVX2, FMA, F16C
	AVX512        // AVX2 and AVX-512 F, BW, VL, DQ, VNNI
	NEON          // ASIMD, part of every arm64 CPU
)

// Env names the variable that caps the level; it is read once, at start.
const Env = "VECTORIZER_SIMD"

var names = [...]string{Generic: "generic", AVX2: "avx2", AVX512: "avx512", NEON: "neon"}

// String returns the level's name as Env spells it.
func (l Level) String() string { return names[l] }

// Now is the level in use. It is set once before main and changed later only by
// package simdtest, which must not run beside any kernel.
var Now = choose(available(), os.Getenv(Env), wide())

// Available lists what this machine and build can run, lowest first.
func Available() []Level { return available() }

// Parse returns the level called name.
func Parse(name string) (Level, bool) {
	for l, n := range names {
		if strings.EqualFold(n, name) {
			return Level(l), true
		}
	}
	return Generic, false
}

// CapError explains a cap that had no effect: a word that names no level, or a
// level that this machine or build does not have. It is nil otherwise.
func CapError() error { return capError(available(), os.Getenv(Env)) }

func capError(have []Level, limit string) error {
	if limit == "" {
		return nil
	}
	l, ok := Parse(limit)
	if !ok {
		return fmt.Errorf("%s=%q is ignored: expected one of %v", Env, limit, names)
	}
	if !slices.Contains(have, l) {
		return fmt.Errorf("%s=%s: this machine and build have %v only", Env, limit, have)
	}
	return nil
}

// choose returns the highest available level that the cap allows. Without a
// cap, or with one that is not a level, AVX-512 is taken only where wide says so.
func choose(have []Level, limit string, wide bool) Level {
	top := AVX2
	if wide {
		top = AVX512
	}
	if l, ok := Parse(limit); ok {
		top = l
	}
	best := Generic
	for _, l := range have {
		if l <= top || (l == NEON && top != Generic) {
			best = l
		}
	}
	return best
}
