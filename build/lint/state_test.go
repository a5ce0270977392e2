package lint

import (
	"go/ast"
	"go/token"
	"strings"
	"testing"
)

// initAllowed are the packages that may have init functions: reading the
// processor's abilities once.
var initAllowed = map[string]bool{"cpu/simd": true, "cpu/simd/internal/cpulevel": true}

// mutableAllowed are package-level variables that change after start, each with
// its reason.
var mutableAllowed = map[string]string{}

// TestNoPackageState fails for package-level variables that are written after
// their declaration, or whose type is made to be written (locks, atomics).
// Tables, sentinels and compiled expressions that nobody writes are fine.
func TestNoPackageState(t *testing.T) {
	vars := map[string]map[string]*goFile{} // package -> name -> where
	for _, f := range source(t) {
		for _, d := range f.syntax.Decls {
			gen, ok := d.(*ast.GenDecl)
			if !ok || gen.Tok != token.VAR {
				continue
			}
			for _, spec := range gen.Specs {
				spec := spec.(*ast.ValueSpec)
				checkVarSpec(t, f, gen, spec)
				for _, name := range spec.Names {
					if vars[f.pkg] == nil {
						vars[f.pkg] = map[string]*goFile{}
					}
					vars[f.pkg][name.Name] = f
				}
			}
		}
	}
	for _, f := range source(t) {
		for _, w := range writes(f) {
			name := f.pkg + "." + w.name
			if vars[f.pkg][w.name] != nil && mutableAllowed[name] == "" && !initAllowed[f.pkg] {
				t.Errorf("%s:%d: package variable %s is written: pass it, or put it into a struct",
					f.path, f.line(w.pos), name)
			}
		}
	}
}

// checkVarSpec fails for a variable that has no value to begin with, or whose
// type exists to be changed.
func checkVarSpec(t *testing.T, f *goFile, gen *ast.GenDecl, spec *ast.ValueSpec) {
	t.Helper()
	name := f.pkg + "." + spec.Names[0].Name
	if mutableAllowed[name] != "" || initAllowed[f.pkg] {
		return
	}
	embed := strings.Contains(comments(gen.Doc)+comments(spec.Doc), "go:embed")
	if typ := typeName(spec.Type); strings.HasPrefix(typ, "atomic.") ||
		strings.HasPrefix(typ, "sync.") && typ != "sync.Pool" {
		t.Errorf("%s:%d: package variable %s is a %s", f.path, f.line(spec.Pos()), name, typ)
		return
	}
	if len(spec.Values) == 0 && !embed && typeName(spec.Type) != "sync.Pool" {
		t.Errorf("%s:%d: package variable %s has no value: somebody must write it later",
			f.path, f.line(spec.Pos()), name)
	}
}

// comments returns the text of g with its directives.
func comments(g *ast.CommentGroup) string {
	if g == nil {
		return ""
	}
	var b strings.Builder
	for _, c := range g.List {
		b.WriteString(c.Text)
	}
	return b.String()
}

// typeName returns "pkg.Type" or "Type" for a plain type expression.
func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		if x, ok := e.X.(*ast.Ident); ok {
			return x.Name + "." + e.Sel.Name
		}
	case *ast.IndexExpr:
		return typeName(e.X)
	}
	return ""
}

// write is a place where a variable of some name is written.
type write struct {
	name string
	pos  token.Pos
}

// writes lists assignments to names that no enclosing function declares: a
// local of the same name as a package variable does not count.
func writes(f *goFile) []write {
	var out []write
	for _, d := range f.syntax.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Body == nil {
			continue
		}
		local := locals(fn)
		add := func(e ast.Expr) {
			if id := root(e); id != nil && id.Name != "_" && !local[id.Name] {
				out = append(out, write{id.Name, id.Pos()})
			}
		}
		ast.Inspect(fn.Body, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				if n.Tok != token.DEFINE {
					for _, e := range n.Lhs {
						add(e)
					}
				}
			case *ast.IncDecStmt:
				add(n.X)
			case *ast.UnaryExpr:
				if n.Op == token.AND {
					add(n.X)
				}
			}
			return true
		})
	}
	return out
}

// root returns the variable that e is a part of, or nil.
func root(e ast.Expr) *ast.Ident {
	switch e := e.(type) {
	case *ast.Ident:
		return e
	case *ast.IndexExpr:
		return root(e.X)
	case *ast.SelectorExpr:
		return root(e.X)
	case *ast.ParenExpr:
		return root(e.X)
	}
	return nil
}

// locals returns every name that fn declares anywhere in it.
func locals(fn *ast.FuncDecl) map[string]bool {
	out := map[string]bool{}
	fields := func(l *ast.FieldList) {
		if l == nil {
			return
		}
		for _, field := range l.List {
			for _, name := range field.Names {
				out[name.Name] = true
			}
		}
	}
	fields(fn.Recv)
	ast.Inspect(fn, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncType:
			fields(n.Params)
			fields(n.Results)
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE {
				for _, e := range n.Lhs {
					if id, ok := e.(*ast.Ident); ok {
						out[id.Name] = true
					}
				}
			}
		case *ast.RangeStmt:
			for _, e := range []ast.Expr{n.Key, n.Value} {
				if id, ok := e.(*ast.Ident); ok && n.Tok == token.DEFINE {
					out[id.Name] = true
				}
			}
		case *ast.ValueSpec:
			for _, name := range n.Names {
				out[name.Name] = true
			}
		}
		return true
	})
	return out
}

// TestNoInit fails for init functions outside the packages that may have one.
func TestNoInit(t *testing.T) {
	for _, f := range source(t) {
		for _, d := range f.syntax.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if ok && fn.Recv == nil && fn.Name.Name == "init" && !initAllowed[f.pkg] {
				t.Errorf("%s:%d: init function: do it in a constructor", f.path, f.line(fn.Pos()))
			}
		}
	}
}

// manyLocks are the structs that need more than one lock, with the number and
// the reason. Like every list here it may only shrink.
var manyLocks = map[string]int{
	// Writers exclude each other for a whole Write, readers only while rows
	// that they may be reading are replaced.
	"cpu.matrix": 2,
	"gpu.matrix": 2,
	// Link jobs as a whole, and the entry point alone.
	"engine/index/hnsw.Index": 2,
}

// TestOneMutex fails for structs with two locks, and for locks that do not say
// what they guard.
func TestOneMutex(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range source(t) {
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			st, ok := spec.Type.(*ast.StructType)
			if !ok {
				return true
			}
			locks := 0
			for _, field := range st.Fields.List {
				typ := typeName(field.Type)
				if typ != "sync.Mutex" && typ != "sync.RWMutex" {
					continue
				}
				locks++
				said := comments(field.Doc) + comments(field.Comment)
				if !strings.Contains(said, "guards") && !strings.Contains(said, "held") {
					t.Errorf("%s:%d: say what the lock guards: \"// guards: a, b\"",
						f.path, f.line(field.Pos()))
				}
			}
			if err := ratchet(manyLocks, f.pkg+"."+spec.Name.Name, locks, 1, seen); err != nil {
				t.Errorf("%s:%d: locks: %v", f.path, f.line(st.Pos()), err)
			}
			return true
		})
	}
	checkListed(t, "manyLocks", manyLocks, seen)
}
