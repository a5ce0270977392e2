package config

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzFile reads arbitrary files: each is refused with a reason, or gives a
// configuration that prints as a file with the same meaning.
func FuzzFile(f *testing.F) {
	for _, s := range []string{"", Sample(), "a: [", "server:\n  port: 1\n", "server: {port: 70000}",
		"? [a]\n: b", "server.port: 0x10", "&a [*a]", "a: &a {b: 1}\nc: {<<: *a}", "1: 2", "~: ~",
		"---\n---", "storage: {cache: 1e3}", "\xff\xfe", "data_dir: |\n  x\n"} {
		f.Add([]byte(s))
	}
	path := filepath.Join(f.TempDir(), "f.yml")
	again := path + ".again"
	f.Fuzz(func(t *testing.T, raw []byte) {
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		l, err := Load(Sources{Environ: []string{EnvConfig + "=" + path}})
		if err != nil {
			if err.Error() == "" {
				t.Fatal("refused without a reason")
			}
			return
		}
		out, err := os.Create(again)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Print(out); err != nil {
			t.Fatal(err)
		}
		if err := out.Close(); err != nil {
			t.Fatal(err)
		}
		back, err := Load(Sources{Environ: []string{EnvConfig + "=" + again}})
		if err != nil || back.Config != l.Config {
			t.Fatalf("%q: %+v, read back %+v, %v", raw, l.Config, back, err)
		}
	})
}
