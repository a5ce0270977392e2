//go:build unix

// Package emu is the driver.Driver of a device that is a program: the kernel
// sources compiled as C++ (kernels/emu), running in a child process over shared
// memory. Streams, launches, addresses and argument blocks are the real ones;
// time is not. Faults can be injected at every call.
//
// It serves tests: it is slower than any CPU.
package emu

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Flags are the compiler's, beside those of Build's caller.
var flags = []string{"-std=c++17", "-O2", "-DVECTORIZER_EMU", "-Wall", "-Wextra", "-Wno-unknown-pragmas"}

// Build compiles the emulated device, unless one of the same sources and flags is
// there already, and returns the program's path. root is the module's root. The
// compiler is c++, g++ or clang++, or what build/tools.sh fetches.
func Build(root string, extra ...string) (string, error) {
	return compile(root, "device", "device.cc", extra)
}

// BuildLibrary is Build of a libcuda.so.1 whose device is the emulated one.
func BuildLibrary(root string) (string, error) {
	return compile(root, "libcuda", "libcuda.cc", []string{"-shared", "-fPIC", "-fvisibility=hidden"})
}

func compile(root, name, main string, extra []string) (string, error) {
	sum, err := sourceHash(root, extra)
	if err != nil {
		return "", err
	}
	dir, err := filepath.Abs(filepath.Join(root, ".cache", "emu"))
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	path := filepath.Join(dir, name+"-"+sum)
	unlock, err := lock(path + ".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	cxx, err := compiler(root)
	if err != nil {
		return "", err
	}
	var units []string
	for _, unit := range []string{main, "block.cc", "fiber.cc", "tensor.cc"} {
		units = append(units, filepath.Join(root, "kernels", "emu", unit))
	}
	args := slices.Concat(flags, extra, []string{"-o", path + ".new"}, units)
	if out, err := exec.Command(cxx, args...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("emu: %s %s: %w\n%s", cxx, strings.Join(args, " "), err, out)
	}
	return path, os.Rename(path+".new", path)
}

// sourceHash reads every source, so that go test's cache sees a change too.
func sourceHash(root string, extra []string) (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, flags, extra)
	for _, dir := range []string{"kernels/cuda", "kernels/emu"} {
		files, err := os.ReadDir(filepath.Join(root, dir))
		if err != nil {
			return "", err
		}
		for _, f := range files {
			src, err := os.ReadFile(filepath.Join(root, dir, f.Name()))
			if err != nil {
				return "", err
			}
			fmt.Fprintln(h, f.Name(), len(src))
			h.Write(src)
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:8]), nil
}

// lock makes the tests of several packages, which run at once, compile once.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() { _ = f.Close() }, nil // which unlocks
}

func compiler(root string) (string, error) {
	for _, name := range []string{"c++", "g++", "clang++"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	cmd := exec.Command(filepath.Join(root, "build", "tools.sh"), "cxx")
	var errout bytes.Buffer
	cmd.Stderr = io.MultiWriter(&errout)
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("emu: no C++ compiler, and build/tools.sh cxx: %w\n%s", err, errout.Bytes())
	}
	return strings.TrimSpace(string(out)), nil
}
