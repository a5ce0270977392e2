package tune

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vectorizer-go/vectorizer/cpu/simd"
)

func TestFile(t *testing.T) {
	dir, key := t.TempDir(), Key{"Some CPU", "avx2", "1.2.3"}
	if f, ok := Load(dir, key); ok || f != (simd.Fetch{}) {
		t.Fatalf("an empty directory holds %+v", f)
	}
	want := simd.Fetch{Ahead: [simd.FetchClasses]uint8{24, 4, 0, 8, 0}, CodeLines: 16}
	for _, f := range []simd.Fetch{{}, want} {
		if err := Save(dir, key, f); err != nil {
			t.Fatal(err)
		}
		if got, ok := Load(dir, key); !ok || got != f {
			t.Fatalf("got %+v %v, want %+v", got, ok, f)
		}
	}
	for _, other := range []Key{
		{"Other", "avx2", "1.2.3"}, {"Some CPU", "avx512", "1.2.3"}, {"Some CPU", "avx2", "2"},
	} {
		if _, ok := Load(dir, other); ok {
			t.Errorf("taken for %+v", other)
		}
	}
	if names, _ := os.ReadDir(dir); len(names) != 1 {
		t.Errorf("left behind: %v", names)
	}
}

// TestDamagedFile cuts, changes and replaces the file: it is ignored, then replaced.
func TestDamagedFile(t *testing.T) {
	dir, key := t.TempDir(), Key{"Some CPU", "avx2", "1"}
	path := filepath.Join(dir, FileName)
	want := simd.Fetch{Ahead: [simd.FetchClasses]uint8{4, 4, 4, 4, 4}, CodeLines: 4}
	if err := Save(dir, key, want); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(good)
	for _, bad := range []string{
		"", text[:len(text)/2], "\x00" + text, "[]", `{"cpu": 7}`,
		strings.Replace(text, `"code_lines": 4`, `"code_lines": 200`, 1),
		strings.Replace(text, `"code_lines": 4`, `"code_lines": -4`, 1),
		strings.Replace(text, `"code_lines"`, `"code_rows"`, 1),
		strings.Replace(text, "    4,\n", "    1,\n", 1),
	} {
		if bad == text {
			t.Fatalf("not changed: %s", text)
		}
		if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if f, ok := Load(dir, key); ok {
			t.Errorf("%q is taken for %+v", bad, f)
		}
	}
	if err := Save(dir, key, want); err != nil {
		t.Fatal(err)
	}
	if _, ok := Load(dir, key); !ok {
		t.Error("not replaced")
	}
}

func TestNamelessProcessor(t *testing.T) {
	dir := t.TempDir()
	if err := Save(dir, Key{Level: "avx2", Build: "1"}, simd.Fetch{CodeLines: 4}); err != nil {
		t.Fatal(err)
	}
	if names, _ := os.ReadDir(dir); len(names) != 0 {
		t.Errorf("kept: %v", names)
	}
}

func TestSaveFails(t *testing.T) {
	if err := Save(filepath.Join(t.TempDir(), "absent"), Key{CPU: "x"}, simd.Fetch{}); err == nil {
		t.Error("no error")
	}
}
