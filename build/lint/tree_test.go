package lint

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/vectorizer-go/vectorizer"

// goFile is one parsed Go file of the module.
type goFile struct {
	path      string // slash-separated, from the root of the module
	pkg       string // directory of path, "." for the root
	test      bool   // name ends in _test.go
	generated bool   // carries the standard "Code generated" line
	src       []byte
	syntax    *ast.File
	fset      *token.FileSet
}

// line returns the line number of p.
func (f *goFile) line(p token.Pos) int { return f.fset.Position(p).Line }

// skipDirs are not part of the source: outputs, caches, inputs of tests.
func skipDir(rel, name string) bool {
	switch rel {
	case "bin", "data", "bench/out", "bench/results":
		return true
	}
	return name == "testdata" || name == ".git" || name == ".cache" || name == ".venv"
}

// walk calls fn for every regular file of the source tree.
func walk(t *testing.T, fn func(rel string, src []byte)) {
	t.Helper()
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if skipDir(rel, d.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() || d.Name() == ".git" { // a linked work tree has a file there
			return nil
		}
		src, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		fn(rel, src)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// goFiles parses every Go file of the module, whatever its build tags. Modules
// of their own (code generators in _gen folders) are left out.
func goFiles(t *testing.T) []*goFile {
	t.Helper()
	parseOnce.Do(func() {
		walk(t, func(rel string, src []byte) {
			if !strings.HasSuffix(rel, ".go") || strings.Contains(rel, "/_") {
				return
			}
			fset := token.NewFileSet()
			syntax, err := parser.ParseFile(fset, rel, src, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				t.Errorf("parse: %v", err)
				return
			}
			parsed = append(parsed, &goFile{
				path:      rel,
				pkg:       path.Dir(rel),
				test:      strings.HasSuffix(rel, "_test.go"),
				generated: ast.IsGenerated(syntax),
				src:       src,
				syntax:    syntax,
				fset:      fset,
			})
		})
	})
	if len(parsed) == 0 {
		t.Fatal("no Go files found: the checks would check nothing")
	}
	return parsed
}

var (
	parseOnce sync.Once
	parsed    []*goFile
)

// source returns the files that people write and that ship: no tests, nothing
// generated.
func source(t *testing.T) []*goFile {
	t.Helper()
	var out []*goFile
	for _, f := range goFiles(t) {
		if !f.test && !f.generated {
			out = append(out, f)
		}
	}
	return out
}

// callee returns "pkg.Name" of a call through a package or a variable name, or
// "Name" of a plain call, or "".
func callee(call *ast.CallExpr) string {
	switch fun := call.Fun.(type) {
	case *ast.Ident:
		return fun.Name
	case *ast.SelectorExpr:
		if x, ok := fun.X.(*ast.Ident); ok {
			return x.Name + "." + fun.Sel.Name
		}
	}
	return ""
}
