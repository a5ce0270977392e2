package simd

import (
	"fmt"

	"github.com/vectorizer-go/vectorizer/cpu/simd/internal/cpulevel"
)

// Level names the instruction set in use: generic, avx2, avx512 or neon.
func Level() string { return cpulevel.Now.String() }

// Env names the variable that caps the level; it is read once, at start.
const Env = cpulevel.Env

// Levels lists the levels that this machine and build can run, lowest first.
func Levels() []string {
	var out []string
	for _, l := range cpulevel.Available() {
		out = append(out, l.String())
	}
	return out
}

// CapError explains a VECTORIZER_SIMD that had no effect; a server logs it. It is
// nil when the variable is unset or obeyed.
func CapError() error { return cpulevel.CapError() }

// maxCallBytes bounds the bytes of rows that one assembly call reads. Assembly
// cannot be preempted, so a stop of the world waits for it: 1 MiB is read in
// under 0.2 ms even from slow memory.
const maxCallBytes = 1 << 20

// callRows is how many rows of rowBytes one assembly call takes.
func callRows(rowBytes int) int { return max(4, maxCallBytes/max(1, rowBytes)) }

// checkPair panics unless the two lengths agree.
func checkPair(a, b int) {
	if a != b {
		panic(fmt.Sprintf("BUG: simd: vectors of %d and %d components", a, b))
	}
}

// checkRows panics unless count rows of n components, stride apart, lie inside
// a block of have components.
func checkRows(n, have, stride, count int) {
	if count == 0 {
		return
	}
	if stride < n || count-1 > (have-n)/max(1, stride) || have < n {
		panic(fmt.Sprintf("BUG: simd: %d rows of %d components, %d apart, in a block of %d",
			count, n, stride, have))
	}
}

// checkGather panics unless ids covers out and the stride covers a row. The ids
// themselves are looked at only where checkIDs is on.
func checkGather(n, have, stride int, ids []uint32, count int) {
	if stride < n || len(ids) < count {
		panic(fmt.Sprintf("BUG: simd: stride %d for %d components, %d ids for %d results",
			stride, n, len(ids), count))
	}
	if checkIDs {
		for _, id := range ids[:count] {
			if have < n || int(id) > (have-n)/max(1, stride) {
				panic(fmt.Sprintf("BUG: simd: row %d of %d components, stride %d, in a block of %d",
					id, n, stride, have))
			}
		}
	}
}
