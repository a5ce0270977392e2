package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/vectorizer-go/vectorizer/cmd/vectorizer/config"
	"github.com/vectorizer-go/vectorizer/cpu/tune"
)

// app is what every command needs of the process. Tests replace its fields, so
// no command touches os.Stdout, os.Stderr or os.Environ itself.
type app struct {
	in      io.Reader
	out     io.Writer
	errOut  io.Writer
	environ func() []string
	signals <-chan os.Signal // ask to stop; nil = those of the system
	// processors is how many the machine has, asked once, by a server that starts.
	processors func() int
	// measure finds how far ahead rows are best fetched; nil = a table says.
	measure func() tune.Result
}

// newApp returns the app of this process.
func newApp() *app {
	return &app{in: os.Stdin, out: os.Stdout, errOut: os.Stderr, environ: os.Environ,
		processors: spareProcessor, measure: measureFetch}
}

// run executes one command line and returns the exit code. A failure is told in
// one sentence on errOut.
func (a *app) run(ctx context.Context, args []string) (code int) {
	defer func() {
		if p := recover(); p != nil {
			fmt.Fprintf(a.errOut, "vectorizer: internal error: %v (this is a bug)\n%s", p, debug.Stack())
			code = exitFailure
		}
	}()
	root := newRootCmd(a)
	root.SetArgs(args)
	if err := root.ExecuteContext(ctx); err != nil {
		fmt.Fprintf(a.errOut, "vectorizer: %s\n", sentence(err))
		return exitCode(err)
	}
	return exitOK
}

// sentence is the message of err on one line. Only a configuration with several
// problems has a line for each; other lines are details of a library, such as a
// stack.
func sentence(err error) string {
	var several *config.Error
	if errors.As(err, &several) {
		return err.Error()
	}
	return strings.Join(parts(err), "; ")
}

// parts are the first lines of errors that were joined, also under what was put before
// them: the first may be what followed from the second.
func parts(err error) (out []string) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // one by one
		for _, e := range joined.Unwrap() {
			out = append(out, parts(e)...)
		}
		return out
	}
	if inner := errors.Unwrap(err); inner != nil {
		before, ends := strings.CutSuffix(err.Error(), inner.Error())
		if out = parts(inner); ends && len(out) > 1 {
			out[0] = before + out[0]
			return out
		}
	}
	return []string{firstLine(err.Error())}
}

// newRootCmd builds the command tree.
func newRootCmd(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "vectorizer",
		Short: "A vector-search server and its tools",
		Long: `Vectorizer stores vectors with JSON payloads and searches them over HTTP.

  vectorizer serve             start the server on 127.0.0.1:15002 with ./data
  vectorizer demo              see it work on a real data set
  vectorizer doctor            check that this machine is ready

` + exitCodeHelp,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.errOut)
	root.CompletionOptions.HiddenDefaultCmd = false
	root.SetFlagErrorFunc(flagError)
	for _, build := range commands() {
		root.AddCommand(build(a))
	}
	usageErrors(root)
	return root
}

// noCommand refuses a word where a command belongs, with the nearest command.
func noCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	return fmt.Errorf("unknown command %q, did you mean %s?", args[0],
		config.Nearest(args[0], names))
}

// flagError makes a wrong flag a usage error, with the nearest flag for an
// unknown one.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) && len(unknown.GetSpecifiedName()) > 1 {
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		err = fmt.Errorf("%w, did you mean --%s?", err,
			config.Nearest(unknown.GetSpecifiedName(), names))
	}
	return withCode(exitUsage, fmt.Errorf("%w (see '%s --help')", err, cmd.CommandPath()))
}

// usageErrors makes a wrong number of arguments exit with exitUsage, for cmd
// and everything below it.
func usageErrors(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return withCode(exitUsage, fmt.Errorf("%w (see '%s --help')", err, c.CommandPath()))
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		usageErrors(sub)
	}
}
