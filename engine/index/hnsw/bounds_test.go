package hnsw

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"regexp"
	"strconv"
	"testing"
)

// checksAllowed is how many bounds checks the compiler may leave in the functions of
// a walk, inlined ones counted where they are called. What runs for each distance
// has none; an insertion moves rows, and a hop slices the lists it hands to the
// kernels. The numbers may only shrink.
var checksAllowed = map[string]int{
	"walk.keep":        3, // only behind a copy of the row that leads on
	"walk.keepMixed":   4, // the slice before the loop; the bit and the list of a row under a filter
	"beam.keep":        2,
	"beam.bound":       0,
	"beam.at":          0,
	"beam.place":       2, // what it moves
	"beam.insert":      2,
	"beam.peek":        1,
	"beam.pop":         1,
	"walk.spread":      3,
	"walk.lookAhead":   4, // the rows that it looks at, and the lists
	"visited.unmark":   2,
	"walk.distancesOf": 2,
	"visited.markAll":  2,
}

var checkFound = regexp.MustCompile(`(?m)([a-z_]+\.go):(\d+):\d+: Found Is(?:Slice)?InBounds`)

// TestNoBoundsChecks reads what the compiler says about the loop of a walk.
func TestNoBoundsChecks(t *testing.T) {
	out, err := exec.Command("go", "build", "-gcflags=-d=ssa/check_bce", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	found := checkFound.FindAllStringSubmatch(string(out), -1)
	if len(found) == 0 {
		t.Fatalf("the compiler reports no check at all:\n%s", out)
	}
	functions := map[string][]lines{}
	for _, file := range []string{"walk.go", "beam.go", "visited.go"} {
		functions[file] = linesOf(t, file)
	}
	count, seen := map[string]int{}, map[string]bool{}
	for _, f := range functions {
		for _, l := range f {
			seen[l.name] = true
		}
	}
	for _, f := range found {
		line, _ := strconv.Atoi(f[2])
		for _, l := range functions[f[1]] {
			if l.from <= line && line <= l.to {
				count[l.name]++
			}
		}
	}
	for name, allowed := range checksAllowed {
		if !seen[name] {
			t.Errorf("%s is no more: take it off the list", name)
		}
		if count[name] > allowed {
			t.Errorf("%s has %d bounds checks, at most %d are allowed:\n%s", name, count[name], allowed, out)
		}
	}
}

// lines is where a function stands in its file.
type lines struct {
	name     string
	from, to int
}

func linesOf(t *testing.T, file string) (out []lines) {
	t.Helper()
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Recv == nil {
			continue
		}
		typ := fn.Recv.List[0].Type
		if star, ok := typ.(*ast.StarExpr); ok {
			typ = star.X
		}
		if id, ok := typ.(*ast.Ident); ok {
			out = append(out, lines{id.Name + "." + fn.Name.Name,
				set.Position(fn.Pos()).Line, set.Position(fn.End()).Line})
		}
	}
	return out
}
