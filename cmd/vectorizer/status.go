package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/vectorizer-go/vectorizer/cmd/vectorizer/client"
	"github.com/vectorizer-go/vectorizer/cmd/vectorizer/doctor"
)

// errNotReady is the outcome of status when the server answers but does not
// serve everything.
var errNotReady = withCode(exitFailure, errors.New("the server is not ready"))

func newStatusCmd(a *app) *cobra.Command {
	var flags serverFlags
	var asJSON, quiet bool
	var watch time.Duration
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show what a running server does",
		Long: `Ask a running server and show its collections. Exit code 0 when it serves
everything, 1 when it answers but does not yet, 6 when it does not answer.`,
		Example: "  vectorizer status --url http://127.0.0.1:15002 --watch 2s",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := flags.connect(a, cmd)
			if err != nil {
				return err
			}
			defer c.Close()
			show := writeStatus
			if asJSON {
				show = writeStatusJSON
			}
			if quiet {
				show = func(io.Writer, *serverStatus) error { return nil }
			}
			if cmd.Flags().Changed("watch") {
				return a.watchStatus(cmd.Context(), c, watch, show)
			}
			s, err := readStatus(cmd.Context(), c)
			if err != nil {
				return serverError(err)
			}
			if err := show(a.out, s); err != nil || s.Ready {
				return err
			}
			return errNotReady
		},
	}
	flags.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "print nothing: the exit code tells")
	cmd.Flags().DurationVar(&watch, "watch", 2*time.Second, "show again after this time, until stopped")
	cmd.Flags().Lookup("watch").NoOptDefVal = "2s"
	return cmd
}

func writeStatusJSON(w io.Writer, s *serverStatus) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(s)
}

// writeStatus prints a few lines about the server and a table of collections.
func writeStatus(w io.Writer, s *serverStatus) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, line := range statusLines(s) {
		fmt.Fprintf(t, "%s\t%s\n", line[0], line[1])
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if err := writeTopology(w, s.topology); err != nil || len(s.Collections) == 0 {
		return err
	}
	fmt.Fprintf(t, "\nCOLLECTION\tSTATUS\tPROGRESS\tINDEXED\tVECTORS\tREASON\n")
	for _, c := range s.Collections {
		fmt.Fprintf(t, "%s\t%s\t%.1f%%\t%d\t%d\t%s\n", printable(c.Name), printable(c.Status),
			100*c.Progress, c.Processed, c.Total, orDash(printable(firstLine(c.Reason))))
	}
	return t.Flush()
}

// statusLines are the names and values above the table.
func statusLines(s *serverStatus) [][2]string {
	f := &s.figures
	state := "ready"
	if !s.Ready {
		state = "not ready"
	}
	if f.ReadOnly != "" {
		state += ", writes are refused: " + printable(f.ReadOnly)
	}
	memory := f.Memory["resident_bytes"]
	backends := make([]string, len(f.Backends))
	for i, b := range f.Backends {
		backends[i] = printable(b.Name)
	}
	return [][2]string{
		{"server", s.URL},
		{"version", printable(s.Version)},
		{"state", state},
		{"uptime", time.Duration(s.Uptime * float64(time.Second)).Round(time.Second).String()},
		{"backend", orDash(strings.Join(backends, ", "))},
		{"data", fmt.Sprintf("%s, %s used, %s free", printable(f.Storage.Path),
			doctor.Short(f.Size), doctor.Short(f.Storage.Free))},
		{"memory", doctor.Short(memory) + " in indexes"},
		{"collections", fmt.Sprint(len(s.Collections))},
		{"vectors", fmt.Sprint(f.Vectors)},
	}
}

// watchStatus shows the status again and again until ctx ends. A server that is
// away for a while is waited for.
func (a *app) watchStatus(ctx context.Context, c *client.Client, every time.Duration,
	show func(io.Writer, *serverStatus) error,
) error {
	if every < 100*time.Millisecond {
		return withCode(exitUsage, fmt.Errorf("--watch must be 100ms or more, got %s", every))
	}
	signals, restore := a.notify()
	defer restore()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for first := true; ; first = false {
		s, err := readStatus(ctx, c)
		if first && err != nil {
			return serverError(err)
		}
		a.clearScreen()
		if err != nil {
			fmt.Fprintln(a.out, err)
		} else if err := show(a.out, s); err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-signals:
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}

// clearScreen starts a new page on a terminal, and a new paragraph elsewhere.
func (a *app) clearScreen() {
	if f, ok := a.out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		fmt.Fprint(a.out, "\x1b[H\x1b[2J")
		return
	}
	fmt.Fprintln(a.out)
}

// firstLine is text up to its first line break.
func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// printable replaces what could move the cursor of a terminal.
func printable(s string) string {
	out := []rune(s)
	for i, r := range out {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			out[i] = '�'
		}
	}
	return string(out)
}
