package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/vectorizer-go/vectorizer/cmd/vectorizer/config"
	"github.com/vectorizer-go/vectorizer/cmd/vectorizer/doctor"
	"github.com/vectorizer-go/vectorizer/httpapi"
)

// everyCommand calls f for every command that a user can run.
func everyCommand(cmd *cobra.Command, f func(*cobra.Command)) {
	f(cmd)
	for _, sub := range cmd.Commands() {
		everyCommand(sub, f)
	}
}

func TestEveryCommandExplainsItself(t *testing.T) {
	s := newSession(t)
	everyCommand(newRootCmd(s.app), func(cmd *cobra.Command) {
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: short text %q", cmd.CommandPath(), cmd.Short)
		}
		args := append(strings.Fields(cmd.CommandPath())[1:], "--help")
		out, errOut := s.call(t, exitOK, args...)
		contains(t, out, "Usage:")
		if errOut != "" {
			t.Errorf("%v: %s", args, errOut)
		}
	})
}

func TestUsageErrors(t *testing.T) {
	s := newSession(t)
	f := func(want string, args ...string) {
		t.Helper()
		out, errOut := s.call(t, exitUsage, args...)
		if out != "" || !strings.HasPrefix(errOut, "vectorizer: ") || strings.Count(errOut, "\n") != 1 {
			t.Errorf("%v: %q %q", args, out, errOut)
		}
		contains(t, errOut, want)
	}
	f(`unknown command "srve", did you mean serve?`, "srve")
	f("unknown flag: --prot, did you mean --port?", "serve", "--prot", "1")
	f("unknown shorthand flag", "serve", "-x")
	f("unknown command", "version", "extra")
	f("accepts 1 arg", "snapshot")
	f("accepts 1 arg", "restore", "a", "b")
	f("server.port (flag --port)", "serve", "--port", "x")
	f("--insecure-listen", "serve", "--host", "0.0.0.0")
	f("cannot be read", "serve", "--config", "absent.yml")
	f("--timeout", "status", "--timeout", "0s")
	f("--watch", "status", "--watch=1ms")
	f("not host:port", "status", "--url", "ftp://x")
}

func TestVersion(t *testing.T) {
	s := newSession(t)
	out, _ := s.call(t, exitOK, "version")
	contains(t, out, "vectorizer ", "commit", "go1.", "platform", "simd")
	out, _ = s.call(t, exitOK, "version", "--json")
	var b buildInfo
	if err := json.Unmarshal([]byte(out), &b); err != nil || b.Go == "" || b.Platform == "" || b.SIMD == "" {
		t.Errorf("%v: %+v", err, b)
	}
}

func TestProbe(t *testing.T) {
	out, _ := newSession(t).call(t, exitOK, "probe")
	var p struct {
		Devices []doctor.Device `json:"devices"`
	}
	if err := json.Unmarshal([]byte(out), &p); err != nil {
		t.Fatal(err)
	}
	if len(p.Devices) != 3 || !p.Devices[0].Usable {
		t.Errorf("%+v", p.Devices)
	}
	for _, d := range p.Devices {
		if d.Reason == "" {
			t.Errorf("%s: no reason", d.Name)
		}
	}
}

func TestCompletions(t *testing.T) {
	s := newSession(t)
	for shell, mark := range map[string]string{
		"bash": "__start_vectorizer", "zsh": "#compdef vectorizer",
		"fish": "complete -c vectorizer", "powershell": "Register-ArgumentCompleter",
	} {
		out, _ := s.call(t, exitOK, "completion", shell)
		contains(t, out, mark)
	}
	out, _ := s.call(t, exitOK, "__complete", "se")
	contains(t, out, "serve\tStart the server")
	out, _ = s.call(t, exitOK, "__complete", "serve", "--data")
	contains(t, out, "--data-dir")
	out, _ = s.call(t, exitOK, "__complete", "serve", "--backend", "")
	contains(t, out, "auto\n", "cuda\n", ":4\n")
}

func TestPrintConfig(t *testing.T) {
	s := newSession(t, "VECTORIZER_PORT=7")
	if err := os.WriteFile(config.DefaultFile, []byte("data_dir: d\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, _ := s.call(t, exitOK, "serve", "--print-config", "--fsync", "off")
	contains(t, out, "# variable VECTORIZER_PORT", "# file vectorizer.yml", "# flag --fsync", "# default")
	if _, err := os.Stat("d"); err == nil {
		t.Error("the data directory was made")
	}
}

// TestDefaultsAreTheServers keeps the documented defaults and those of the HTTP
// server the same.
func TestDefaultsAreTheServers(t *testing.T) {
	c := config.Default()
	if got, want := apiLimits(c.Limits), httpapi.DefaultLimits(); got != want {
		t.Errorf("limits %+v, the server's are %+v", got, want)
	}
}

func TestDoctor(t *testing.T) {
	s := newSession(t)
	out, _ := s.call(t, exitOK, "doctor", "--port", "0")
	contains(t, out, "cores", "memory", "simd", "cuda", "data directory", "port", "clock", "ready to serve")
	if err := os.MkdirAll("foreign/x", 0o755); err != nil {
		t.Fatal(err)
	}
	out, errOut := s.call(t, exitFailure, "doctor", "--port", "0", "--data-dir", "foreign", "--json")
	contains(t, out, `"status": "fail"`, "not a Vectorizer data directory")
	contains(t, errOut, "vectorizer: doctor found")
}

func TestInspectDir(t *testing.T) {
	dir := t.TempDir()
	f := func(identity, want string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "IDENTITY"), []byte(identity), 0o600); err != nil {
			t.Fatal(err)
		}
		state, err := inspectDir(dir)
		if err != nil {
			state.Found = err.Error()
		}
		contains(t, state.Found, want)
	}
	f(`{"product":"vectorizer","version":"9","format":1,"node_id":"n1"}`, "made by version 9, node n1")
	f(`{"product":"vectorizer","version":"9","format":99}`, "format 99, written by version 9")
	f(`{"product":"other","format":1}`, "not Vectorizer's")
	f(`nonsense`, "not Vectorizer's")
	if _, err := inspectDir(filepath.Join(dir, "absent")); err == nil {
		t.Error("an absent directory was accepted")
	}
}

// TestPanicIsTold checks that a bug in a command ends it with a message.
func TestPanicIsTold(t *testing.T) {
	s := newSession(t)
	s.environ = func() []string { panic("BUG: planted") }
	_, errOut := s.call(t, exitFailure, "serve", "--print-config")
	contains(t, errOut, "vectorizer: internal error: BUG: planted", "command_test.go")
}

func TestSentence(t *testing.T) {
	f := func(err error, want string) {
		t.Helper()
		if got := sentence(err); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	one, two := errors.New("one\n  stack"), errors.New("two")
	f(one, "one")
	f(withCode(3, one), "one")
	f(errors.Join(one, errors.Join(two)), "one; two")
	f(withCode(3, fmt.Errorf("suite: %w", errors.Join(one, two))), "suite: one; two")
	f(fmt.Errorf("%w behind", errors.Join(one, two)), "one")
	f(withCode(2, &config.Error{Problems: []config.Problem{{Field: "a"}, {Field: "b"}}}),
		"configuration: 2 settings are wrong:\n  a: expected , got \n  b: expected , got ")
}

// TestCommandLineDocs checks that docs/command-line.md knows every command and
// every exit code.
func TestCommandLineDocs(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "..", "docs", "command-line.md"))
	if err != nil {
		t.Fatal(err)
	}
	doc := string(raw)
	for _, cmd := range newRootCmd(newSession(t).app).Commands() {
		contains(t, doc, "\n| `"+cmd.Name())
	}
	for code := exitOK; code <= exitUnreachable; code++ {
		contains(t, doc, fmt.Sprintf("\n| %d | ", code))
	}
}
