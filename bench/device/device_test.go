package device

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vectorizer-go/vectorizer/cpu"
)

// TestRun measures the CPU backend as if it were a device: the figures are there,
// with recall, and torch that cannot run is said and not invented.
func TestRun(t *testing.T) {
	b := cpu.New(cpu.Options{})
	defer b.Close()
	torch := filepath.Join(t.TempDir(), "torch.sh")
	report := `{"version":"9","device":"none","copy_gb_s":1000,"bf16_tflop_s":500,` +
		`"runs":[{"name":"bf16","ms":2.5,"recall":0.9}]}`
	if err := os.WriteFile(torch, []byte("echo '"+report+"'"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	o := Options{
		Device: b, Host: b, Rows: 2000, Dims: []int{16, 33}, Batches: []int{1, 9}, K: 5, Repeat: 3, Out: &out,
		Torch: Torch{Python: "/bin/sh", Script: torch},
	}
	r, err := Run(context.Background(), &o)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"exact, 1 queries, 2k x 16", "exact, 9 queries, 2k x 33", "cpu, 9 queries, 2k x 33"} {
		if f := r.Figure(name); f == nil || f.Value <= 0 || f.Recall != 1 {
			t.Errorf("%s: %+v", name, f)
		}
	}
	if f := r.Figure("torch bf16 matmul + topk, 9 queries, 2k x 16"); f == nil || f.Value != 2.5 || f.Recall != 0.9 {
		t.Errorf("%+v", f)
	}
	if r.Figure("copy bandwidth") == nil || !strings.Contains(out.String(), "recall 1.0000") {
		t.Errorf("%+v\n%s", r.Figures, out.String())
	}
	o.Torch.Script = "/no/such/script"
	o.Dims = []int{8}
	if r, err = Run(context.Background(), &o); err != nil || len(r.Notes) != 1 || len(r.Peers) != 0 {
		t.Errorf("without torch: %v, %v, %v", err, r.Notes, r.Peers)
	}
}

func TestRoofline(t *testing.T) {
	// One H200: 1M x 128, 1,024 queries: 0.33 ms by the tensor cores; one query: the memory.
	if got := roofline(1_000_000, 128, 1024, 4300, 790); math.Abs(got-0.332) > 0.001 {
		t.Errorf("%v", got)
	}
	if got := roofline(1_000_000, 128, 1, 4300, 790); math.Abs(got-0.0595) > 0.001 {
		t.Errorf("%v", got)
	}
}
