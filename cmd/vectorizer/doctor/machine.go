package doctor

import (
	"fmt"
	"strings"

	"github.com/vectorizer-go/vectorizer/cmd/vectorizer/machine"
)

// machineChecks looks at processors, memory and instruction sets.
func machineChecks(o Options, f machine.Facts) []Check {
	about := strings.TrimSpace(f.OS + "/" + f.Arch + " " + f.Kernel)
	if f.CPU != "" {
		about += ", " + f.CPU
	}
	return []Check{ok("machine", about), coresCheck(f), memoryCheck(f), simdCheck(o, f), ok("fetch", o.Fetch)}
}

func coresCheck(f machine.Facts) Check {
	found := fmt.Sprintf("%d, of which %d are used", f.Cores, f.Procs)
	if f.Procs < 2 {
		return Check{"cores", Warn, found, "give the server a second processor: " +
			"with one, searches wait while rows are linked"}
	}
	return ok("cores", found)
}

func memoryCheck(f machine.Facts) Check {
	usable := f.Usable()
	if usable == 0 {
		return Check{"memory", Info, "the system does not say", "make sure that the vectors fit"}
	}
	found := Short(f.Memory)
	if f.CgroupSize > 0 && f.CgroupSize == usable {
		found += ", of which the control group allows " + Short(f.CgroupSize)
	}
	if f.Available > 0 {
		found += ", " + Short(f.Available) + " free"
	}
	const small = 512 << 20
	if usable < small {
		return Check{"memory", Warn, found, "give the server 512MiB or more: " +
			"a million rows of 128 dimensions take about 700MiB"}
	}
	return ok("memory", found)
}

func simdCheck(o Options, f machine.Facts) Check {
	switch {
	case f.SIMD != "generic":
		c := ok("simd", f.SIMD)
		if o.SIMDLimit != "" {
			c.Found += " (VECTORIZER_SIMD=" + o.SIMDLimit + ")"
		}
		return c
	case o.SIMDLimit != "":
		return Check{"simd", Warn, "generic, because VECTORIZER_SIMD=" + o.SIMDLimit,
			"unset VECTORIZER_SIMD for faster searches"}
	default:
		return Check{"simd", Warn, "generic: this processor or build has no AVX2 or NEON",
			"use a processor with AVX2 or NEON and a build without the noasm tag"}
	}
}

// Short writes bytes with one decimal in the largest unit that keeps it above 1.
func Short(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	v, i := float64(n), 0
	for v >= 1024 && i < len(units)-1 {
		v, i = v/1024, i+1
	}
	if i == 0 {
		return fmt.Sprintf("%d%s", n, units[i])
	}
	return fmt.Sprintf("%.1f%s", v, units[i])
}
