package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vectorizer-go/vectorizer/bench/budgets"
)

// newBenchBudgetsCmd compares what a search, a row and the program cost with the
// committed budgets.
func newBenchBudgetsCmd(a *app) *cobra.Command {
	var file, program, tempDir string
	var update bool
	cmd := &cobra.Command{
		Use:   "budgets",
		Short: "Check what a search, a row and the program cost against their budgets",
		Long: `Measure counts that a busy machine does not move (distances and hops of a search,
allocations, bytes of a row, the program's size) and the times of kernels and searches
as multiples of a plain loop that is timed in turn with them, on the data that this
binary carries. What is more than a tenth worse than its budget makes the exit code 1.
Times and the program's size have budgets on the processors and systems where they
were set only.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := a.interruptible(cmd.Context())
			defer stop()
			keep, err := budgets.Load(file)
			if err != nil {
				return err
			}
			measured, err := budgets.Measure(ctx, tempDir, program)
			if err != nil {
				return interrupted(ctx, err)
			}
			if update {
				return budgets.Save(file, measured, keep)
			}
			bad, err := budgets.Check(a.out, measured, keep)
			if err == nil && len(bad) > 0 {
				err = fmt.Errorf("beyond the budget (%s says what may change; --update keeps what was measured): %s",
					file, strings.Join(bad, "; "))
			}
			return err
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&file, "file", filepath.Join("bench", "budgets", "budgets.json"), "the budgets")
	fl.StringVar(&program, "program", "", "file whose size is measured too")
	fl.StringVar(&tempDir, "temp-dir", "", "where an engine keeps its data meanwhile")
	fl.BoolVar(&update, "update", false, "write what was measured as the new budgets")
	return cmd
}
