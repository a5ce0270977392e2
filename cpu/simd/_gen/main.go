// Command _gen writes the amd64 kernels of package simd with avo. It is its own
// module so that avo stays out of the product's dependencies.
//
// Run it through go generate in the parent folder. Each level goes into
// one assembly file and one file of Go declarations; a child process
// writes each, because avo keeps one file per process.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/mmcloughlin/avo/build"
)

// families pairs the stem of an output file with what fills it.
var families = []struct {
	stem string
	emit func()
}{
	{"avx2", emitAVX2},
	{"avx512", emitAVX512},
	{"graph", emitGraph},
}

func main() {
	dir := flag.String("dir", "..", "folder of package simd")
	one := flag.String("family", "", "emit this family with avo's own flags (used by the child)")
	flag.Parse()
	if *one != "" {
		emitOne(*one)
		return
	}
	for _, f := range families {
		if err := runChild(*dir, f.stem); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", f.stem, err)
			os.Exit(1)
		}
	}
}

func runChild(dir, stem string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	c := exec.Command(self, "-family", stem, "-pkg", "simd",
		"-out", filepath.Join(dir, stem+"_amd64.s"),
		"-stubs", filepath.Join(dir, stem+"_amd64.go"))
	c.Stdout, c.Stderr = os.Stdout, os.Stderr
	if err := c.Run(); err != nil {
		return err
	}
	return checkRegisters(dir, stem)
}

// highRegister matches vector registers that only AVX-512 encodings reach, and
// the 512-bit ones. The allocator takes them when the others run out.
var highRegister = regexp.MustCompile(`\b([XY](1[6-9]|[23][0-9])|Z[0-9]+)\b`)

// checkRegisters fails when code for AVX2 uses a register it does not have.
func checkRegisters(dir, stem string) error {
	text, err := os.ReadFile(filepath.Join(dir, stem+"_amd64.s"))
	if err != nil {
		return err
	}
	for _, f := range strings.Split(string(text), "\nTEXT ")[1:] {
		name, _, _ := strings.Cut(f, "(")
		if !strings.HasSuffix(name, "AVX2") && stem != "avx2" {
			continue
		}
		if bad := highRegister.FindString(f); bad != "" {
			return fmt.Errorf("%s: register %s is not part of AVX2: a kernel needs too many", name, bad)
		}
	}
	return nil
}

func emitOne(stem string) {
	for _, f := range families {
		if f.stem == stem {
			build.ConstraintExpr("amd64,!noasm,gc")
			f.emit()
			build.Generate()
			return
		}
	}
	fmt.Fprintln(os.Stderr, "no family", stem)
	os.Exit(1)
}

func emitAVX2() {
	emitF32AVX2()
	emitF16AVX2()
	emitI8AVX2()
	emitBitsAVX2()
	emitLess()
	emitPeak("peakF32AVX2", 32, 12)
}
