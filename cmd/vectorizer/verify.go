package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/vectorizer-go/vectorizer/cmd/vectorizer/config"
	"github.com/vectorizer-go/vectorizer/cmd/vectorizer/doctor"
	"github.com/vectorizer-go/vectorizer/engine"
)

func newVerifyCmd(a *app) *cobra.Command {
	var asJSON, quiet bool
	var flags serverFlags
	var against string
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check everything in a data directory",
		Long: `Read the whole data directory and check every record, log entry and index
image against its checksum and against each other. Nothing is changed. The
directory must not be in use: stop the server first, or verify a restored
snapshot. Exit code 0 when all is well, 5 when something is damaged.

With --against, compare two running servers instead: the checksum of their logs,
then every collection and record, and name the first difference. Exit code 0 when
they are equal, 5 when they are not. A replica may be behind for --timeout.`,
		Example: "  vectorizer verify --data-dir ./data\n" +
			"  vectorizer verify --url http://127.0.0.1:15002 --against http://127.0.0.1:15012",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if against != "" {
				c, err := flags.connect(a, cmd)
				if err != nil {
					return err
				}
				defer c.Close()
				r, err := verifyServers(cmd.Context(), a, c, against, flags.timeout)
				if err != nil {
					return err
				}
				return reportComparison(a, r, asJSON, quiet)
			}
			loaded, err := a.loadDataConfig(cmd)
			if err != nil {
				return err
			}
			begin := time.Now()
			report, err := verifyDir(cmd.Context(), a, &loaded.Config)
			if err != nil {
				return err
			}
			switch {
			case quiet:
			case asJSON:
				err = a.reportTo("").Encode(report)
			default:
				err = writeVerify(a.out, &report, time.Since(begin))
			}
			if err != nil || report.OK() {
				return err
			}
			return withCode(exitVerify, fmt.Errorf("%s is damaged: %s found", loaded.Config.DataDir,
				plural(len(report.Problems)+report.Suppressed, "problem")))
		},
	}
	addConfigFlags(cmd, "data_dir")
	flags.addTo(cmd)
	cmd.Flags().StringVar(&against, "against", "", "compare the server of --url with the one at this address")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "print nothing: the exit code tells")
	return cmd
}

// verifyDir checks the data directory of the configuration.
func verifyDir(ctx context.Context, a *app, c *config.Config) (engine.VerifyReport, error) {
	ctx, restore := a.interruptible(ctx)
	defer restore()
	if err := needData(c.DataDir); err != nil {
		return engine.VerifyReport{}, err
	}
	report, err := engine.Verify(ctx, c.DataDir, engineOptions(c, nil, zerolog.Nop()))
	switch {
	case isConfiguration(err):
		return report, openError(c.DataDir, err)
	case ctx.Err() == nil && !report.OK():
		return report, nil // what is in the report may well be why closing failed too
	}
	return report, interrupted(ctx, err)
}

// needData refuses a directory that holds no data, or is not ours.
func needData(dir string) error {
	state, err := inspectDir(dir)
	if err == nil && state.Found == dirEmpty {
		err = errors.New(dir + " is empty: it holds no data")
	}
	return withCode(exitDataDir, err)
}

// writeVerify prints the report for people.
func writeVerify(w io.Writer, r *engine.VerifyReport, took time.Duration) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "directory\t%s\n", r.Path)
	fmt.Fprintf(t, "node\t%s\n", r.NodeID)
	fmt.Fprintf(t, "format\t%d\n", r.Format)
	fmt.Fprintf(t, "position\t%d\n", r.Position.Offset)
	fmt.Fprintf(t, "log\t%s, %d to %d\n", plural(r.LogEntries, "entry"), r.LogFirst, r.LogLast)
	fmt.Fprintf(t, "records\t%d\n", r.Records)
	if err := t.Flush(); err != nil {
		return err
	}
	if len(r.Collections) > 0 {
		fmt.Fprintf(t, "\nCOLLECTION\tRECORDS\tBYTES\tIMAGE ROWS\tIMAGE AT\n")
	}
	for _, c := range r.Collections {
		rows, at := "-", "-"
		if c.ImageRows >= 0 {
			rows, at = fmt.Sprint(c.ImageRows), fmt.Sprint(c.ImageOffset)
		}
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\n", printable(c.Name), c.Records, doctor.Short(c.Bytes), rows, at)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, p := range r.Problems {
		fmt.Fprintf(w, "\nproblem in %s %s: %s", printable(p.Where), printable(p.What),
			printable(firstLine(p.Reason)))
	}
	verdict := "nothing is damaged"
	if n := len(r.Problems) + r.Suppressed; n > 0 {
		verdict = plural(n, "problem")
	}
	_, err := fmt.Fprintf(w, "\n%s, checked in %s\n", verdict, took.Round(time.Millisecond))
	return err
}
