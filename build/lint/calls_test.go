package lint

import (
	"go/ast"
	"go/token"
	"strconv"
	"strings"
	"testing"
)

// bannedInTests are calls that make tests slow, flaky or silent.
var bannedInTests = map[string]string{
	"time.Sleep": "poll the condition with a deadline, or use testing/synctest",
}

// bannedInPrograms are calls that only func main may make.
var bannedInPrograms = map[string]string{
	"os.Exit": "return an error: only main ends the process",
}

// bannedInLibraries are calls that only a program may make.
var bannedInLibraries = map[string]string{
	"fmt.Print":   "return it, log it, or write to an io.Writer that was given",
	"fmt.Printf":  "return it, log it, or write to an io.Writer that was given",
	"fmt.Println": "return it, log it, or write to an io.Writer that was given",
	"print":       "return it, log it, or write to an io.Writer that was given",
	"println":     "return it, log it, or write to an io.Writer that was given",
	"os.Exit":     "return an error: only main ends the process",
	"log.Fatal":   "return an error: only main ends the process",
	"log.Fatalf":  "return an error: only main ends the process",
	"log.Fatalln": "return an error: only main ends the process",
	"log.Print":   "use the zerolog.Logger that was given",
	"log.Printf":  "use the zerolog.Logger that was given",
	"log.Println": "use the zerolog.Logger that was given",
	"os.Getenv":   "settings come through the configuration",
}

// bannedExceptions are the places where a banned call is right: "package call".
var bannedExceptions = map[string]string{
	"cpu/simd/internal/cpulevel os.Getenv": "VECTORIZER_SIMD caps the level before any configuration is read",
	"bench/dataset os.Getenv":              "VECTORIZER_DATA says where the measured data lies, for tests too",
	"engine/index/indextest os.Getenv":     "the same; engine does not import bench",
}

func TestBannedCalls(t *testing.T) {
	for _, f := range goFiles(t) {
		if f.generated {
			continue
		}
		banned := bannedInLibraries
		switch {
		case f.test:
			banned = bannedInTests
		case f.syntax.Name.Name == "main":
			banned = bannedInPrograms
		}
		for _, d := range f.syntax.Decls {
			isMain := false
			if fn, ok := d.(*ast.FuncDecl); ok {
				isMain = fn.Recv == nil && (fn.Name.Name == "main" || fn.Name.Name == "TestMain")
			}
			ast.Inspect(d, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				name := callee(call)
				advice, bad := banned[name]
				if bad && !isMain && bannedExceptions[f.pkg+" "+name] == "" {
					t.Errorf("%s:%d: %s: %s", f.path, f.line(call.Pos()), name, advice)
				}
				return true
			})
		}
	}
}

// TestNoSkips fails for a skipped test or benchmark whose reason is not the
// operating system: a skip must stand in a block whose condition, or whose
// switch, reads runtime.GOOS, or in a file built for one system.
// Defect: tests-that-do-not-run.
func TestNoSkips(t *testing.T) {
	for _, f := range goFiles(t) {
		if !f.test {
			continue
		}
		for _, pos := range skips(f.syntax) {
			t.Errorf("%s:%d: a skipped test: make the set-up part of the test run", f.path, f.line(pos))
		}
	}
}

// skips returns the calls of Skip, Skipf and SkipNow that no condition on
// runtime.GOOS encloses.
func skips(n ast.Node) []token.Pos {
	var out []token.Pos
	var visit func(n ast.Node)
	visit = func(n ast.Node) {
		ast.Inspect(n, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.IfStmt:
				if readsGOOS(n.Cond) {
					if n.Else != nil {
						visit(n.Else)
					}
					return false
				}
			case *ast.CallExpr:
				sel, ok := n.Fun.(*ast.SelectorExpr)
				if ok && (sel.Sel.Name == "Skipf" || sel.Sel.Name == "SkipNow" ||
					sel.Sel.Name == "Skip" && testValue(sel.X)) {
					out = append(out, n.Pos())
				}
			}
			return true
		})
	}
	visit(n)
	return out
}

// testValue reports whether e is named like a *testing.T, B or F: Skip is an
// ordinary method name elsewhere.
func testValue(e ast.Expr) bool {
	id, ok := e.(*ast.Ident)
	return ok && (id.Name == "t" || id.Name == "b" || id.Name == "tb" || id.Name == "f" || id.Name == "rt")
}

func readsGOOS(e ast.Expr) bool {
	found := false
	ast.Inspect(e, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == "GOOS" {
			found = true
		}
		return !found
	})
	return found
}

// TestPanicsSayBug fails for a panic on a literal text that does not start with
// "BUG: ": errors of users and operators are returned, not panicked.
func TestPanicsSayBug(t *testing.T) {
	for _, f := range source(t) {
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || callee(call) != "panic" || len(call.Args) != 1 {
				return true
			}
			if text, ok := leadingText(call.Args[0]); ok && !strings.HasPrefix(text, "BUG: ") {
				t.Errorf("%s:%d: panic(%q…): start with \"BUG: \", or return an error",
					f.path, f.line(call.Pos()), text)
			}
			return true
		})
	}
}

// leadingText returns the literal that e starts with: a string, the left end of
// a concatenation, or the format of fmt.Sprintf and fmt.Errorf.
func leadingText(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			text, err := strconv.Unquote(e.Value)
			return text, err == nil
		}
	case *ast.BinaryExpr:
		return leadingText(e.X)
	case *ast.CallExpr:
		if name := callee(e); len(e.Args) > 0 && (name == "fmt.Sprintf" || name == "fmt.Errorf" ||
			name == "errors.New" || name == "fmt.Sprint") {
			return leadingText(e.Args[0])
		}
	}
	return "", false
}
