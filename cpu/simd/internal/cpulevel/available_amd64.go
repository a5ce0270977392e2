//go:build amd64 && !noasm && gc

package cpulevel

import "golang.org/x/sys/cpu"

// available asks the CPU, and the system through it: x/sys/cpu reports AVX and
// AVX-512 only where the operating system saves their registers.
func available() []Level {
	x := &cpu.X86
	have := []Level{Generic}
	if !x.HasAVX2 || !x.HasFMA || !x.HasF16C || !x.HasPOPCNT {
		return have
	}
	have = append(have, AVX2)
	if x.HasBMI2 && x.HasAVX512F && x.HasAVX512BW && x.HasAVX512VL && x.HasAVX512DQ && x.HasAVX512VNNI {
		have = append(have, AVX512)
	}
	return have
}

// CountsBits reports whether 512-bit code may count bits: the first processors of that
// level cannot.
func CountsBits() bool { return cpu.X86.HasAVX512VPOPCNTDQ }

// wide reports whether 512-bit code is worth its effect on the clock. The first
// processors that had it ran everything slower beside it; those that also have
// VBMI2 (Ice Lake and Zen 4 on) do not to a degree that shows. Measured on a Zen 5:
// cpu/NOTES.md.
func wide() bool { return cpu.X86.HasAVX512VBMI2 }
