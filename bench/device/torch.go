package device

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strconv"

	"github.com/vectorizer-go/vectorizer/bench/result"
)

// Torch says how to run the comparison with PyTorch; without Python there is none.
type Torch struct {
	Python string // interpreter that has torch
	Script string // bench/device/torch_topk.py
}

// torchReport is what the script prints.
type torchReport struct {
	Version string  `json:"version"`
	Device  string  `json:"device"`
	CopyGBs float64 `json:"copy_gb_s"`
	BF16TF  float64 `json:"bf16_tflop_s"`
	Runs    []struct {
		Name   string  `json:"name"` // of the arithmetic: f32, tf32, bf16
		MS     float64 `json:"ms"`
		Recall float64 `json:"recall"` // against its own f32
	} `json:"runs"`
}

// torch measures matrix product and topk of the same shapes in PyTorch, and the
// card's two ceilings.
func (o *Options) torch(ctx context.Context, r *result.Run, dim, queries int) error {
	if o.Torch.Python == "" {
		return nil
	}
	cmd := exec.CommandContext(ctx, o.Torch.Python, o.Torch.Script, strconv.Itoa(o.Rows), strconv.Itoa(dim),
		strconv.Itoa(queries), strconv.Itoa(o.K))
	out, err := cmd.Output()
	if err != nil {
		r.Notes = append(r.Notes, fmt.Sprintf("torch was not measured: %v", err))
		return nil
	}
	var t torchReport
	if err := json.Unmarshal(out, &t); err != nil {
		return fmt.Errorf("torch's report: %w", err)
	}
	r.Peers["torch"] = t.Version + " on " + t.Device
	shape := fmt.Sprintf("%d queries, %s x %d", queries, count(o.Rows), dim)
	for _, x := range t.Runs {
		r.Add(result.Figure{
			Name: fmt.Sprintf("torch %s matmul + topk, %s", x.Name, shape), Unit: "ms",
			Better: result.Lower, Value: x.MS, Recall: x.Recall,
		})
		fmt.Fprintf(o.Out, "%-40s %9.3f ms  recall %.4f\n", "torch "+x.Name+", "+shape, x.MS, x.Recall)
	}
	if r.Figure("copy bandwidth") == nil {
		r.Add(result.Figure{Name: "copy bandwidth", Unit: "GB/s", Value: t.CopyGBs, Note: "read plus write, by torch"})
		r.Add(result.Figure{
			Name: "bf16 matrix product", Unit: "TFLOP/s", Value: t.BF16TF, Note: "8192 cubed, by torch",
		})
	}
	bound := roofline(o.Rows, dim, queries, t.CopyGBs, t.BF16TF)
	r.Add(result.Figure{
		Name: "roofline bf16, " + shape, Unit: "ms", Value: bound,
		Note: "the larger of bytes over copy bandwidth and operations over the matrix product's rate",
	})
	return nil
}

// roofline is the least time, in ms, of a bf16 scan by the two ceilings.
func roofline(rows, dim, queries int, gbs, tflops float64) float64 {
	elements := float64(rows) * float64(dim)
	return max(2*elements/(gbs*1e9), 2*elements*float64(queries)/(tflops*1e12)) * 1000
}
