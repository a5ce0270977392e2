package config

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

var update = flag.Bool("update", false, "rewrite docs/configuration.md")

// load runs Load in an empty directory with the given file text (none if
// empty), variables and flags.
func load(t *testing.T, file string, environ []string, args ...string) (*Loaded, error) {
	t.Helper()
	t.Chdir(t.TempDir())
	if file != "" {
		if err := os.WriteFile(DefaultFile, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	fs := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	AddFlags(fs)
	if err := fs.Parse(args); err != nil {
		t.Fatal(err)
	}
	return Load(Sources{Flags: fs, Environ: environ})
}

func mustLoad(t *testing.T, file string, environ []string, args ...string) *Loaded {
	t.Helper()
	l, err := load(t, file, environ, args...)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestDefaults(t *testing.T) {
	l := mustLoad(t, "", nil)
	if l.Config != Default() {
		t.Errorf("nothing given: got %+v, want %+v", l.Config, Default())
	}
	if got := l.Config.Server.Address(); got != "127.0.0.1:15002" {
		t.Errorf("address %q", got)
	}
	for key, from := range l.From {
		if from != "default" {
			t.Errorf("%s comes from %q", key, from)
		}
	}
	if l.File != "" {
		t.Errorf("file %q", l.File)
	}
}

func TestPrecedence(t *testing.T) {
	file := "server:\n  port: 1001\nstorage:\n  cache: 32MiB\n  fsync: off\ndata_dir: from-file\n"
	environ := []string{"VECTORIZER_PORT=1002", "VECTORIZER_DATA_DIR=from-env", "PATH=/bin",
		"VECTORIZER_LOG_LEVEL="}
	l := mustLoad(t, file, environ, "--port", "1003", "--limits-read-timeout=5s")
	f := func(key, text, from string) {
		t.Helper()
		for _, s := range Settings(&l.Config) {
			if s.Key == key && (s.Text() != text || l.From[key] != from) {
				t.Errorf("%s = %q from %q, want %q from %q", key, s.Text(), l.From[key], text, from)
			}
		}
	}
	f("server.port", "1003", "flag --port")
	f("data_dir", "from-env", "variable VECTORIZER_DATA_DIR")
	f("storage.cache", "32MiB", "file vectorizer.yml")
	f("storage.fsync", "off", "file vectorizer.yml")
	f("limits.read_timeout", "5s", "flag --limits-read-timeout")
	f("log.level", "info", "default")
	if l.File != DefaultFile {
		t.Errorf("file %q", l.File)
	}
}

func TestNamedFile(t *testing.T) {
	dir := t.TempDir()
	one, two := filepath.Join(dir, "one.yml"), filepath.Join(dir, "two.yml")
	for path, text := range map[string]string{one: "backend: cpu\n", two: "backend: cuda\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f := func(want string, environ []string, args ...string) {
		t.Helper()
		if got := mustLoad(t, "backend: metal\n", environ, args...).Config.Backend; got != want {
			t.Errorf("%v %v: backend %q, want %q", environ, args, got, want)
		}
	}
	f("metal", nil)
	f("cpu", []string{"VECTORIZER_CONFIG=" + one})
	f("cuda", []string{"VECTORIZER_CONFIG=" + one}, "--config", two)
	_, err := load(t, "", nil, "--config", filepath.Join(dir, "absent.yml"))
	if err == nil || !strings.Contains(err.Error(), "absent.yml cannot be read") {
		t.Errorf("absent file: %v", err)
	}
}

// TestProblems checks that each wrong configuration is refused, naming what is
// wrong and what would be right.
func TestProblems(t *testing.T) {
	f := func(name, file string, environ []string, args []string, want ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			_, err := load(t, file, environ, args...)
			if err == nil {
				t.Fatal("accepted")
			}
			for _, w := range want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q lacks %q", err, w)
				}
			}
		})
	}
	env := func(v ...string) []string { return v }
	f("unknown key", "server:\n  prot: 1\n", nil, nil, "server.prot (file vectorizer.yml)",
		"did you mean server.port?")
	f("key without section", "port: 1\n", nil, nil, "did you mean server.port?")
	f("unknown section", "sever:\n  host: localhost\n", nil, nil, "did you mean server.host?")
	f("empty unknown section", "sever: {}\n", nil, nil, "sever", "did you mean")
	f("unknown variable", "", env("VECTORIZER_PROT=1"), nil, "VECTORIZER_PROT",
		"did you mean VECTORIZER_PORT?")
	f("variable from key", "", env("VECTORIZER_SERVER_PORT=1"), nil,
		"did you mean VECTORIZER_PORT?")
	f("long variable", "", env("VECTORIZER_"+strings.Repeat("X", 1<<16)+"=1"), nil, "did you mean")
	f("number", "", env("VECTORIZER_PORT=abc"), nil, "server.port (variable VECTORIZER_PORT)",
		"whole number from 0 to 65535", `got "abc"`)
	f("range", "", nil, []string{"--port", "65536"}, "server.port (flag --port)", `"65536"`)
	f("fraction", "server:\n  port: 1.5\n", nil, nil, "server.port", `"1.5"`)
	f("size without unit", "storage:\n  cache: 64\n", nil, nil, "storage.cache",
		"a size with its unit", `"64"`)
	f("size below", "storage:\n  cache: 1B\n", nil, nil, "from 1MiB to 1TiB")
	f("duration without unit", "limits:\n  read_timeout: 10\n", nil, nil, "limits.read_timeout",
		"a duration with its unit", `"10"`)
	f("negative duration", "limits:\n  read_timeout: -1s\n", nil, nil, `"-1s"`)
	f("choice", "storage:\n  fsync: sometimes\n", nil, nil, "one of always, interval, off")
	f("switch", "", nil, []string{"--insecure-listen=maybe"}, "true or false", `"maybe"`)
	f("list", "data_dir: [a, b]\n", nil, nil, "data_dir", "got a list")
	f("section for value", "data_dir: {a: 1}\n", nil, nil, "data_dir")
	f("value for section", "server: 5\n", nil, nil, "server (file", "a section")
	f("nothing", "server:\n  port:\n", nil, nil, "server.port", "got nothing")
	f("duplicate key", "backend: cpu\nbackend: cpu\n", nil, nil, "not valid YAML")
	f("not YAML", "a: [\n", nil, nil, "not valid YAML")
	f("list at top", "- a\n", nil, nil, "not valid YAML")
	f("second document", "backend: cpu\n---\nbackend: cpu\n", nil, nil, "line 2", "second document")
	f("huge file", "# "+strings.Repeat("x", 1<<20), nil, nil, "bytes")
	f("empty path", "data_dir: \"\"\n", nil, nil, "data_dir", "a path")
	f("host", "", nil, []string{"--host", "a b"}, "server.host", "a host name or an IP address")
	f("origin", "api: {cors_origins: 'https://a, b'}\n", nil, nil, "api.cors_origins", "https://")
	f("inflight below body", "limits: {body: 2MiB, inflight: 1MiB}\n", nil, nil,
		"limits.inflight", "at least limits.body, 2MiB", "got 1MiB")
	f("public host", "", nil, []string{"--host", "0.0.0.0"}, "server.host (flag --host)",
		"loopback", "--insecure-listen")
	f("public name", "", env("VECTORIZER_HOST=example.org"), nil, "--insecure-listen")
	f("public v6", "", env("VECTORIZER_HOST=::"), nil, "--insecure-listen")
}

func TestAllProblemsAtOnce(t *testing.T) {
	_, err := load(t, "backned: cpu\nlog:\n  level: loud\n", []string{"VECTORIZER_PRT=1"},
		"--port", "x", "--host", "0.0.0.0")
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("%T %v", err, err)
	}
	var fields []string
	for _, p := range e.Problems {
		fields = append(fields, p.Field)
	}
	want := "backned VECTORIZER_PRT server.port log.level server.host"
	if got := strings.Join(fields, " "); got != want {
		t.Errorf("problems %q, want %q", got, want)
	}
	if !strings.Contains(err.Error(), "5 settings are wrong") {
		t.Error(err)
	}
}

func TestAccepted(t *testing.T) {
	f := func(file string, environ []string, args ...string) *Config {
		t.Helper()
		return &mustLoad(t, file, environ, args...).Config
	}
	for _, host := range []string{"localhost", "127.0.0.7", "::1", "[::1]", "LOCALHOST.",
		"::ffff:127.0.0.1"} {
		f("", nil, "--host", host)
	}
	f("", nil, "--host", "0.0.0.0", "--insecure-listen")
	f("# nothing\n", nil)
	f("---\nserver:\n", nil)
	if c := f("storage: {cache: 1.5GiB, min_free: 0}\n", nil); c.Storage.CacheBytes != 3<<29 {
		t.Errorf("cache %d", c.Storage.CacheBytes)
	}
	if c := f("server.port: '0'\n", nil); c.Server.Port != 0 {
		t.Errorf("dotted key: port %d", c.Server.Port)
	}
	if c := f("api: {cors_origins: 'https://a:1, *'}\n", nil); len(c.API.Origins()) != 2 {
		t.Errorf("origins %v", c.API.Origins())
	}
	if c := f("log: {access: yes}\n", nil); !c.Log.Access {
		t.Error("access: yes was lost")
	}
	if c := f("", nil, "--shutdown-timeout", "1m30s"); c.Server.ShutdownTimeout != 90*time.Second {
		t.Errorf("timeout %v", c.Server.ShutdownTimeout)
	}
}

func TestServiceVariablesIgnored(t *testing.T) {
	l := mustLoad(t, "", []string{"VECTORIZER_SERVICE_HOST=10.0.0.1", "VECTORIZER_SERVICE_PORT=1",
		"VECTORIZER_SERVICE_PORT_HTTP=1", "VECTORIZER_PORT=tcp://10.0.0.1:15002",
		"VECTORIZER_PORT_15002_TCP_ADDR=10.0.0.1", "VECTORIZER_DATA=/x", "VECTORIZER_SIMD=generic",
		"VECTORIZER_URL=http://localhost"})
	if l.Config != Default() || len(l.Ignored) != 5 {
		t.Errorf("port %d, ignored %v", l.Config.Server.Port, l.Ignored)
	}
}

// TestPrintedConfigIsReadBack checks that --print-config and the sample are
// files that give the same configuration.
func TestPrintedConfigIsReadBack(t *testing.T) {
	l := mustLoad(t, "", nil, "--fsync=off", "--data-dir", `a "b": #c`, "--limits-body=1025B",
		"--collections-defaults-m", "32")
	var b strings.Builder
	if err := l.Print(&b); err != nil {
		t.Fatal(err)
	}
	if again := mustLoad(t, b.String(), nil); again.Config != l.Config {
		t.Errorf("printed:\n%s\ngot %+v", b.String(), again.Config)
	}
	if !strings.Contains(b.String(), "# flag --fsync\n") {
		t.Errorf("no source in\n%s", b.String())
	}
	if again := mustLoad(t, Sample(), nil); again.Config != Default() {
		t.Errorf("sample gives %+v", again.Config)
	}
}

func TestDocs(t *testing.T) {
	path := filepath.Join("..", "..", "..", "docs", "configuration.md")
	if *update {
		if err := os.WriteFile(path, []byte(Markdown()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != Markdown() {
		t.Errorf("%s is not what the settings say: run go test ./cmd/vectorizer/config -update", path)
	}
}

func TestSettingsAreConsistent(t *testing.T) {
	var c Config
	keys, flags := map[string]bool{}, map[string]bool{"config": true}
	for _, s := range Settings(&c) {
		if keys[s.Key] || flags[s.Flag] {
			t.Errorf("%s or --%s twice", s.Key, s.Flag)
		}
		if isReserved(s.Env()) || isServiceVar(s.Env(), "1") {
			t.Errorf("%s means something else", s.Env())
		}
		keys[s.Key], flags[s.Flag] = true, true
		if s.Help == "" || strings.HasSuffix(s.Help, ".") || strings.Contains(s.Help, "|") {
			t.Errorf("%s: help %q", s.Key, s.Help)
		}
		if !s.value.set(s.Default) || s.Text() != s.Default {
			t.Errorf("%s: default %q is shown as %q", s.Key, s.Default, s.Text())
		}
	}
}

func TestAddresses(t *testing.T) {
	f := func(host, address, dial string) {
		t.Helper()
		s := Server{Host: host, Port: 1}
		if s.Address() != address || s.Dial() != dial {
			t.Errorf("%s: %s, %s; want %s, %s", host, s.Address(), s.Dial(), address, dial)
		}
	}
	f("localhost", "localhost:1", "localhost:1")
	f("0.0.0.0", "0.0.0.0:1", "127.0.0.1:1")
	f("::", "[::]:1", "[::1]:1")
	f("[::1]", "[::1]:1", "[::1]:1")
}

func TestClientMayNamePublicHost(t *testing.T) {
	t.Chdir(t.TempDir())
	l, err := Load(Sources{Environ: []string{"VECTORIZER_HOST=0.0.0.0"}, Client: true})
	if err != nil || l.Config.Server.Host != "0.0.0.0" {
		t.Errorf("%+v, %v", l, err)
	}
}
