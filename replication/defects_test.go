package replication

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDefectsHaveTests holds the table of defects in docs/replication.md against the
// tests: each that it names is there and names the defect, and each defect that a
// test names is in the table.
func TestDefectsHaveTests(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "docs", "replication.md"))
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile("(?m)^\\| ([a-z-]+) \\| [^|]+ \\| (`[^|]+`) \\|$")
	test := regexp.MustCompile("`([a-z/]+)\\.(Test[A-Za-z]+)`")
	packages := map[string]map[string]string{} // package -> test -> defects that it names
	listed := map[string]bool{}                // "package.test defect"
	defects := row.FindAllStringSubmatch(string(page), -1)
	if len(defects) < 25 {
		t.Fatalf("the table has %d defects", len(defects))
	}
	for _, d := range defects {
		for _, one := range test.FindAllStringSubmatch(d[2], -1) {
			pkg, name := one[1], one[2]
			if packages[pkg] == nil {
				packages[pkg] = defectsNamed(t, pkg)
			}
			named, ok := packages[pkg][name]
			if !ok || !strings.Contains(named, " "+d[1]+" ") {
				t.Errorf("%s: %s.%s is not there, or does not name it", d[1], pkg, name)
			}
			listed[pkg+"."+name+" "+d[1]] = true
		}
	}
	for pkg, tests := range packages {
		for name, named := range tests {
			for _, d := range strings.Fields(named) {
				if !listed[pkg+"."+name+" "+d] {
					t.Errorf("%s.%s names %s, which the table does not have for it", pkg, name, d)
				}
			}
		}
	}
}

// defectsNamed returns the tests of a package with the defects that each names,
// between blanks.
func defectsNamed(t *testing.T, pkg string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", filepath.FromSlash(pkg), "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("package %s has no tests: %v", pkg, err)
	}
	line := regexp.MustCompile(`(?m)^Defects?: ([a-z, \n-]+)\.$`)
	out := map[string]string{}
	for _, path := range files {
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || !strings.HasPrefix(fn.Name.Name, "Test") {
				continue
			}
			named := " "
			if m := line.FindStringSubmatch(fn.Doc.Text()); m != nil {
				named += strings.NewReplacer(",", " ", "\n", " ").Replace(m[1]) + " "
			}
			out[fn.Name.Name] = named
		}
	}
	return out
}
