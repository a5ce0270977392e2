package engine

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/errs"
)

func open(dir string) error {
	e, err := Open(context.Background(), Options{Dir: dir, MinFreeBytes: 1})
	if err != nil {
		return err
	}
	return e.Close()
}

func TestSecondProcessIsRefused(t *testing.T) {
	dir := t.TempDir()
	openTest(t, Options{Dir: dir})
	err := open(dir)
	wantKind(t, err, errs.Configuration)
	if !strings.Contains(err.Error(), "in use") || !strings.Contains(err.Error(), "pid ") {
		t.Fatal(err)
	}
	if _, err := Verify(context.Background(), dir, Options{}); err == nil {
		t.Fatal("verify reads a directory in use")
	}
}

// Defect: empty-directory.
func TestForeignDirectoryIsRefused(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "thesis.tex")
	if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantKind(t, open(dir), errs.Configuration)
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Fatalf("something was written: %v %v", left, err)
	}
	wantKind(t, open(name), errs.Configuration)
}

func TestNewerFormatIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := open(dir); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, identityFile)
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	newer := strings.Replace(string(b), `"format": 1`, `"format": 2`, 1)
	if newer == string(b) {
		t.Fatalf("no format in %s", b)
	}
	if err := os.WriteFile(name, []byte(newer), 0o600); err != nil {
		t.Fatal(err)
	}
	err = open(dir)
	wantKind(t, err, errs.Configuration)
	if !strings.Contains(err.Error(), "format 2") {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantKind(t, open(dir), errs.Configuration)
}

// TestStoreOfAnotherHistory puts one node's store under another's identity.
// Defect: empty-directory.
func TestStoreOfAnotherHistory(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	for _, d := range []string{a, b} {
		if err := open(d); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.RemoveAll(filepath.Join(a, dbName)); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(b, dbName), filepath.Join(a, dbName)); err != nil {
		t.Fatal(err)
	}
	wantKind(t, open(a), errs.Configuration)
}

// TestDataOutlivesTheCompleteMark takes the mark of a finished first start away
// from a directory with records, once in the log and once in tables.
func TestDataOutlivesTheCompleteMark(t *testing.T) {
	dir := t.TempDir()
	e := openTest(t, Options{Dir: dir})
	create(t, e, "c", 2, compute.Cosine)
	upsert(t, e, "c", "a", []float32{1, 2}, `{"n":1}`)
	for range 2 {
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(dir, identityFile)
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		bare := strings.Replace(string(b), `"complete": true`, `"complete": false`, 1)
		if bare == string(b) {
			t.Fatalf("no mark in %s", b)
		}
		if err := os.WriteFile(name, []byte(bare), 0o600); err != nil {
			t.Fatal(err)
		}
		e = openTest(t, Options{Dir: dir})
		if err := e.WaitReady(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := e.Get(t.Context(), "c", "a", Fields{}); err != nil {
			t.Fatal(err)
		}
	}
}
