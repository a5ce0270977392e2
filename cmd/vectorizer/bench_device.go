package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/vectorizer-go/vectorizer/bench/device"
	"github.com/vectorizer-go/vectorizer/bench/result"
	"github.com/vectorizer-go/vectorizer/cpu/simd"
)

// newBenchDeviceCmd measures exact search on a graphics processor.
func newBenchDeviceCmd(a *app) *cobra.Command {
	o := device.Options{}
	var out string
	cmd := &cobra.Command{
		Use:   "device",
		Short: "Measure exact search on a graphics processor",
		Long: `Measure exact search on the graphics processor, beside the CPU and, with
--torch-python, beside matrix product and topk of PyTorch, and write the figures as
JSON and as a report. Without a device it ends with exit code 1 and says why.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.benchDevice(cmd.Context(), &o, out)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&out, "out", filepath.Join("bench", "results", "gpu"), "folder for the results")
	fl.IntVar(&o.Rows, "rows", 1_000_000, "rows to search")
	fl.IntSliceVar(&o.Dims, "dims", []int{128, 768}, "components of a row")
	fl.IntSliceVar(&o.Batches, "batches", []int{1, 8, 32, 256, 1024}, "queries of a call")
	fl.IntVar(&o.K, "k", 10, "neighbours per query")
	fl.IntVar(&o.Repeat, "repeat", 20, "times that a call is measured; the median counts")
	fl.StringVar(&o.Torch.Python, "torch-python", "", "Python that has torch, to compare with")
	fl.StringVar(&o.Torch.Script, "torch-script", filepath.Join("bench", "device", "torch_topk.py"),
		"program that runs torch")
	return cmd
}

func (a *app) benchDevice(ctx context.Context, o *device.Options, out string) error {
	for _, n := range append(append([]int{o.Rows, o.K, o.Repeat}, o.Dims...), o.Batches...) {
		if n < 1 || len(o.Dims) == 0 || len(o.Batches) == 0 {
			return withCode(exitUsage, errors.New("--rows, --dims, --batches, --k and --repeat must be positive"))
		}
	}
	ctx, stop := a.interruptible(ctx)
	defer stop()
	backends, err := openBackends(ctx, "cuda", backendOptions{}, zerolog.Nop())
	if err != nil {
		return withCode(exitFailure, fmt.Errorf("nothing to measure: %w", err))
	}
	defer func() { _ = closeBackends(backends) }()
	o.Device, o.Host, o.Out = backends[0], backends[1], a.out
	o.Version, o.SIMD = readBuildInfo().Version, simd.Level()
	o.Command = fmt.Sprintf("vectorizer bench device --rows %d --k %d", o.Rows, o.K)
	r, err := device.Run(ctx, o)
	if err != nil {
		return interrupted(ctx, err)
	}
	path, err := r.Save(out)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.out, "result      %s\n", path)
	return a.writeReports(filepath.Join(out, "bench.html"), []*result.Run{r}, past(out))
}
