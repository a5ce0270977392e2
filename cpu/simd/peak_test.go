package simd

import (
	"testing"

	"github.com/vectorizer-go/vectorizer/cpu/simd/internal/cpulevel"
)

// TestPeakF32: what is counted is what the kernel does; emulatePeak counts that.
func TestPeakF32(t *testing.T) {
	want := map[cpulevel.Level]int{cpulevel.AVX2: 5 * 12 * 8, cpulevel.AVX512: 5 * 24 * 16}[cpulevel.Now]
	if got := PeakF32(5); got != want {
		t.Errorf("%d multiplications, want %d", got, want)
	}
	if got := PeakF32(0); got != 0 {
		t.Errorf("%d multiplications in no turn", got)
	}
}

// emulatePeak runs the kernel in the interpreter and compares the multiplications of a
// turn with those that are counted.
func emulatePeak(t *testing.T, p *asmProgram, used map[string]bool, level string) {
	name := "peakF32" + level
	used[name] = true
	sums := 0
	for _, i := range p.funcs[name].code {
		if i.op == "VFMADD231PS" {
			sums++
		}
	}
	if want := map[string]int{"AVX2": 12, "AVX512": 24}[level]; sums != want {
		t.Errorf("%s: %d sums a turn, want %d", name, sums, want)
	}
	newEmu(t, p).call(name, 3)
}
