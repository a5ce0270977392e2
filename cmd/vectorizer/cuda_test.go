//go:build cuda && linux && cgo

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vectorizer-go/vectorizer/cmd/vectorizer/client"
	"github.com/vectorizer-go/vectorizer/gpu/emu"
)

// cudaBinary is the program built with the CUDA driver in it, and the emulated
// libcuda that it is run with: a whole server over gorgonia.org/cu, without a GPU.
func cudaBinary(t *testing.T) (program, library string) {
	t.Helper()
	program, err := filepath.Abs(filepath.Join("..", "..", "bin", "vectorizer-cuda"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(program); err != nil {
		t.Fatalf("make cuda builds it: %v", err)
	}
	library, err = emu.BuildLibrary(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	return program, library
}

// probed returns what the probe says, run with env.
func probed(t *testing.T, program string, env ...string) error {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, "probe")
	cmd.Env = append(cleanEnv(), env...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return readProbe(out)
}

// TestCUDAProbe: a device that works, and each way in which there is none.
func TestCUDAProbe(t *testing.T) {
	program, library := cudaBinary(t)
	if err := probed(t, program, "VECTORIZER_LIBCUDA="+library); err != nil {
		t.Errorf("emulated device: %v", err)
	}
	for env, want := range map[string]string{
		"VECTORIZER_LIBCUDA=/no/such/library": "no driver: /no/such/library",
		"EMU_CUDA_INIT=100":                   "no device",
		"EMU_CUDA_INIT=803":                   "driver too old",
		"EMU_CUDA_INIT=999":                   "driver error",
		"EMU_CUDA_FAULT=3":                    "sticky error",
	} {
		err := probed(t, program, "VECTORIZER_LIBCUDA="+library, env)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", env, err, want)
		}
	}
}

// TestCUDAServe: a server on the emulated device serves, says what it runs on, and
// goes on when the device is lost.
func TestCUDAServe(t *testing.T) {
	program, library := cudaBinary(t)
	binary = program
	for _, env := range [][]string{nil, {"EMU_CUDA_FAULT=150"}} { // after the self-test, while it is measured
		p := launchWith(t, append(env, "VECTORIZER_LIBCUDA="+library), t.TempDir(), "--backend", "cuda")
		fill(t, p.url, "docs", 20)
		var answer searchAnswer
		ask(t, p.url, "POST", "/api/v1/collections/docs/search",
			object{"vector": []float32{1, 3, 0.5, 0}, "limit": 3, "exact": true}, &answer)
		if len(answer.Results) != 3 || answer.Results[0].ID != "v3" {
			t.Errorf("%+v", answer)
		}
		eventually(t, "healthy", func() bool {
			c, err := client.New(p.url, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			var health struct{ Checks map[string]object }
			err = c.Get(t.Context(), "/api/v1/health", &health) // 503 while degraded
			return err == nil && health.Checks["backends"]["status"] == "pass"
		})
		if code := p.stop(t); code != 0 {
			t.Errorf("exit code %d: %s", code, p.stderr.String())
		}
		if log := p.stderr.String(); !strings.Contains(log, `"device":"emulated device"`) {
			t.Error(log)
		}
	}
}
