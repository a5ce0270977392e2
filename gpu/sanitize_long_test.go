//go:build long && unix

package gpu

import (
	"testing"
	"time"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/compute/computetest"
	"github.com/vectorizer-go/vectorizer/gpu/emu"
)

// TestSanitized runs the suite on kernels that the address and the undefined
// behaviour sanitizers watch: a report ends the emulated device, and with it the
// search. Device memory is one mapping to them; its bounds are the heap's canaries.
func TestSanitized(t *testing.T) {
	program, err := emu.Build("..", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g")
	if err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]Options{
		"f32":  {ListKeys: 1280, SampleRows: 32, HalfQueries: -1},
		"bf16": {ListKeys: 2048, SampleRows: 300, HalfQueries: 1, HalfRows: 32},
		"tiles": {
			ListKeys: 1280, SampleRows: 100, HostBytes: 64 << 20, TileBytes: 40 << 10, MaskBytes: 300,
		},
	} {
		t.Run(name, func(t *testing.T) {
			computetest.Run(t, func(t *testing.T) compute.Backend {
				o.Driver = emu.New(emu.Options{Program: program})
				o.HangAfter, o.Lanes, o.StageBytes = 10*time.Minute, 2, 1<<20
				b, err := Open(o)
				if err != nil {
					t.Fatal(err)
				}
				if name == "tiles" {
					return onlyTiled{b}
				}
				return b
			})
		})
	}
}
