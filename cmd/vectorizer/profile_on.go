//go:build profile

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
)

// profiled runs f and writes where its processor time went into the folder that
// PROFILE_DIR names, in a file of this process's own: build/profile.sh makes
// default.pgo of them.
func profiled(f func() int) int {
	path := filepath.Join(os.Getenv("PROFILE_DIR"), fmt.Sprintf("%d.prof", os.Getpid()))
	file, err := os.Create(path)
	if err == nil {
		err = pprof.StartCPUProfile(file)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "vectorizer: profile: %v\n", err)
		return exitFailure
	}
	code := f()
	pprof.StopCPUProfile()
	if err := file.Close(); err != nil {
		fmt.Fprintf(os.Stderr, "vectorizer: profile: %v\n", err)
		return exitFailure
	}
	return code
}
