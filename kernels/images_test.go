package kernels

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestImagesAreCurrent fails when a source or an image was changed without the
// other: build/cuda.sh ptx writes both the images and the hashes.
func TestImagesAreCurrent(t *testing.T) {
	raw, err := os.ReadFile("ptx/SOURCES.sha256")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for line := range strings.Lines(string(raw)) {
		sum, name, ok := strings.Cut(strings.TrimSpace(line), "  ")
		if !ok {
			t.Fatalf("SOURCES.sha256: %q", line)
		}
		want[strings.TrimPrefix(name, "./")] = sum
	}
	delete(want, "compiler")
	checked := 0
	for _, pattern := range []string{"cuda/*.cu", "cuda/*.cuh", "cuda/*.h", "ptx/*.ptx"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v, %v", pattern, files, err)
		}
		for _, f := range files {
			src, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(src)
			if got := hex.EncodeToString(sum[:]); got != want[filepath.Base(f)] {
				t.Errorf("%s is not what the images were made of: run build/cuda.sh ptx and commit", f)
			}
			delete(want, filepath.Base(f))
			checked++
		}
	}
	for name := range want {
		t.Errorf("%s is gone: run build/cuda.sh ptx and commit", name)
	}
	if checked < 8 {
		t.Errorf("only %d files checked", checked)
	}
}

// TestImagesHoldEveryKernel fails when an image lacks a kernel, or holds one that
// has no budget.
func TestImagesHoldEveryKernel(t *testing.T) {
	raw, err := os.ReadFile("budgets.txt")
	if err != nil {
		t.Fatal(err)
	}
	var budgeted []string
	for line := range strings.Lines(string(raw)) {
		if fields := strings.Fields(line); len(fields) > 0 && fields[0] != "#" {
			budgeted = append(budgeted, fields[0])
		}
	}
	slices.Sort(budgeted)
	targets := map[string]string{"sm_80": ".version 7.4", "sm_90a": ".version 8.0"}
	for _, i := range Images() {
		names := Names(i.PTX)
		slices.Sort(names)
		if !slices.Equal(names, budgeted) {
			t.Errorf("%s holds %v, the budgets are of %v", i.Name, names, budgeted)
		}
		if !strings.Contains(i.PTX, ".target "+i.Name+"\n") || !strings.Contains(i.PTX, targets[i.Name]) {
			t.Errorf("%s is for another target than its name says", i.Name)
		}
	}
}
