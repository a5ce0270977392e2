//go:build unix

package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestSignals stops the real program while a client holds half a request.
func TestSignals(t *testing.T) {
	f := func(want int, message string, args []string, signals ...syscall.Signal) {
		t.Helper()
		p := launch(t, t.TempDir(), args...)
		defer hang(t, p.url).Close()
		for i, sig := range signals {
			if err := p.cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the signal is seen", func() bool {
				return strings.Count(p.stderr.String(), `"signal"`) > i
			})
		}
		if code := p.wait(); code != want {
			t.Errorf("%v: exit code %d, want %d\n%s", signals, code, want, p.stderr.String())
		}
		contains(t, p.stderr.String(), message)
	}
	slow := []string{"--shutdown-timeout", "1h", "--limits-read-timeout", "1h"}
	f(exitFailure, "stopping at once", slow, syscall.SIGTERM, syscall.SIGINT)
	quick := []string{"--shutdown-timeout", "200ms", "--limits-read-timeout", "1h"}
	f(exitFailure, `"message":"data directory closed"`, quick, syscall.SIGHUP)
}

// TestSignalsDuringStart stops the real program while it opens a directory whose
// identity never comes.
func TestSignalsDuringStart(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "IDENTITY"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &process{}
	p.cmd = exec.Command(binary, "serve", "--port", "0", "--data-dir", dir)
	p.cmd.Stderr, p.cmd.Env = &p.stderr, cleanEnv()
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for i, message := range []string{"starting", "once the start is through", "stopping at once"} {
		eventually(t, message, func() bool { return strings.Contains(p.stderr.String(), message) })
		if i == 2 {
			break
		}
		if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
	if code := p.wait(); code != exitFailure {
		t.Errorf("exit code %d\n%s", code, p.stderr.String())
	}
}
