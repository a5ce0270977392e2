package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/vectorizer-go/vectorizer/cmd/vectorizer/config"
	"github.com/vectorizer-go/vectorizer/cmd/vectorizer/doctor"
	"github.com/vectorizer-go/vectorizer/engine"
)

func newSnapshotCmd(a *app) *cobra.Command {
	var force, asJSON bool
	cmd := &cobra.Command{
		Use:   "snapshot FILE",
		Short: "Write everything in a data directory to one file",
		Long: `Write a consistent copy of everything in the data directory to FILE: a tar
archive with a checksum of every file, which 'vectorizer restore' reads. A name
that ends in .zst or .gz is compressed; - writes to standard output. FILE appears
when it is complete.

The directory must not be in use: stop the server first.`,
		Example: "  vectorizer snapshot backup.tar.zst --data-dir ./data",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			loaded, err := a.loadDataConfig(cmd)
			if err != nil {
				return err
			}
			begin := time.Now()
			info, err := takeSnapshot(cmd.Context(), a, &loaded.Config, args[0], force)
			if err != nil {
				return err
			}
			if asJSON {
				return a.reportTo(args[0]).Encode(info)
			}
			return a.tell(args[0], "wrote %s: %s in %s, position %d, in %s\n", args[0],
				doctor.Short(info.Bytes), plural(len(info.Files), "file"), info.Position.Offset,
				time.Since(begin).Round(time.Millisecond))
		},
	}
	addConfigFlags(cmd, "data_dir")
	cmd.Flags().BoolVar(&force, "force", false, "replace FILE if it exists")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what was written as JSON")
	return cmd
}

func newRestoreCmd(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Make a data directory from a snapshot",
		Long: `Make the data directory from a snapshot, which may be compressed; - reads from
standard input. The directory must be absent or empty. Every checksum is checked
before the directory gets its name, so it is complete or not there.`,
		Example: "  vectorizer restore backup.tar.zst --data-dir ./restored",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			loaded, err := a.loadDataConfig(cmd)
			if err != nil {
				return err
			}
			begin := time.Now()
			info, err := restoreSnapshot(cmd.Context(), a, loaded.Config.DataDir, args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return a.reportTo("").Encode(info)
			}
			return a.tell("", "made %s: %s in %s, position %d, in %s\n", loaded.Config.DataDir,
				doctor.Short(info.Bytes), plural(len(info.Files), "file"), info.Position.Offset,
				time.Since(begin).Round(time.Millisecond))
		},
	}
	addConfigFlags(cmd, "data_dir")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what was read as JSON")
	return cmd
}

// takeSnapshot opens the data directory and writes its snapshot to name.
func takeSnapshot(ctx context.Context, a *app, c *config.Config, name string, force bool) (
	info engine.SnapshotInfo, err error,
) {
	ctx, restore := a.interruptible(ctx)
	defer restore()
	if err := needData(c.DataDir); err != nil {
		return info, err
	}
	out, err := createWhole(name, a.out, force)
	if err != nil {
		return info, err
	}
	defer func() { err = errors.Join(err, out.finish(err == nil)) }()
	e, err := engine.Open(ctx, engineOptions(c, nil, zerolog.Nop()))
	if err != nil {
		return info, openError(c.DataDir, err)
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	w, err := compressor(out, name)
	if err != nil {
		return info, err
	}
	if info, err = e.Snapshot(ctx, w); err != nil {
		return info, interrupted(ctx, err)
	}
	return info, w.Close()
}

// restoreSnapshot makes dir from the snapshot called name.
func restoreSnapshot(ctx context.Context, a *app, dir, name string) (engine.SnapshotInfo, error) {
	ctx, restore := a.interruptible(ctx)
	defer restore()
	var in io.Reader = a.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return engine.SnapshotInfo{}, err
		}
		defer f.Close()
		in = f
	}
	r, err := decompressor(in)
	if err != nil {
		return engine.SnapshotInfo{}, fmt.Errorf("%s: %w", name, err)
	}
	defer r.Close()
	info, err := engine.Restore(ctx, dir, r)
	if isConfiguration(err) {
		return info, openError(dir, err)
	}
	return info, interrupted(ctx, err)
}

// compressor wraps w as the ending of name asks.
func compressor(w io.Writer, name string) (io.WriteCloser, error) {
	switch {
	case strings.HasSuffix(name, ".zst"):
		return zstd.NewWriter(w)
	case strings.HasSuffix(name, ".gz"), strings.HasSuffix(name, ".tgz"):
		return gzip.NewWriter(w), nil
	}
	return nopCloser{w}, nil
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// wholeFile is a file that appears under its name only when it is complete.
type wholeFile struct {
	io.Writer
	tmp  *os.File // nil for standard output
	name string
}

// createWhole begins the file called name, or standard output for -.
func createWhole(name string, stdout io.Writer, force bool) (*wholeFile, error) {
	if name == "-" {
		return &wholeFile{Writer: stdout}, nil
	}
	if _, err := os.Stat(name); err == nil && !force {
		return nil, withCode(exitUsage, fmt.Errorf("%s exists: choose another name, or give --force", name))
	}
	tmp, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return nil, err
	}
	return &wholeFile{Writer: tmp, tmp: tmp, name: name}, nil
}

// finish gives the file its name, or removes what was written of it.
func (f *wholeFile) finish(complete bool) error {
	if f.tmp == nil {
		return nil
	}
	var err error
	if complete {
		err = errors.Join(f.tmp.Sync(), f.tmp.Chmod(0o644))
	}
	err = errors.Join(err, f.tmp.Close())
	if complete && err == nil {
		err = os.Rename(f.tmp.Name(), f.name)
	}
	if !complete || err != nil {
		err = errors.Join(err, os.Remove(f.tmp.Name()))
	}
	return err
}

// reportTo returns an encoder for a report that does not mix with data written
// to standard output.
func (a *app) reportTo(name string) *json.Encoder {
	w := a.out
	if name == "-" {
		w = a.errOut
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc
}

// tell prints a line for people, beside data written to standard output.
func (a *app) tell(name, format string, args ...any) error {
	w := a.out
	if name == "-" {
		w = a.errOut
	}
	_, err := fmt.Fprintf(w, format, args...)
	return err
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	if stem, ok := strings.CutSuffix(what, "y"); ok {
		return fmt.Sprintf("%d %sies", n, stem)
	}
	return fmt.Sprintf("%d %ss", n, what)
}
