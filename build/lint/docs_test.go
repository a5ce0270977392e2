package lint

import (
	"go/ast"
	"go/token"
	"strings"
	"testing"
)

// TestPackageDocs fails for a package without a comment that says what it is.
func TestPackageDocs(t *testing.T) {
	documented := map[string]bool{}
	for _, f := range goFiles(t) {
		if f.test {
			continue
		}
		documented[f.pkg] = documented[f.pkg] || f.syntax.Doc != nil
	}
	for pkg, ok := range documented {
		if !ok {
			t.Errorf("package %s has no package comment", pkg)
		}
	}
}

// wellKnown are methods whose meaning the standard library fixes.
var wellKnown = map[string]bool{
	"String": true, "Error": true, "Unwrap": true, "Is": true, "Len": true, "Less": true, "Swap": true,
	"MarshalJSON": true, "UnmarshalJSON": true, "MarshalText": true, "UnmarshalText": true,
}

// TestExportedDocs fails for exported names without a comment. A comment on a
// group of constants or variables covers the group, one above a block of lines in
// it the block.
func TestExportedDocs(t *testing.T) {
	for _, f := range source(t) {
		if f.syntax.Name.Name == "main" {
			continue
		}
		for _, d := range f.syntax.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv != nil && wellKnown[d.Name.Name] {
					continue
				}
				if d.Name.IsExported() && d.Doc == nil && exportedReceiver(d) {
					t.Errorf("%s:%d: %s has no comment", f.path, f.line(d.Pos()), funcName(f, d))
				}
			case *ast.GenDecl:
				checkGroup(t, f, d)
			}
		}
	}
}

func checkGroup(t *testing.T, f *goFile, d *ast.GenDecl) {
	t.Helper()
	if d.Tok == token.IMPORT || d.Doc != nil {
		return
	}
	covered := 0 // line that the comment of a spec above reaches
	for _, spec := range d.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			if spec.Name.IsExported() && spec.Doc == nil {
				t.Errorf("%s:%d: type %s has no comment", f.path, f.line(spec.Pos()), spec.Name.Name)
			}
		case *ast.ValueSpec:
			line := f.line(spec.Pos())
			if spec.Doc != nil || line == covered+1 {
				covered = f.line(spec.End())
			}
			for _, name := range spec.Names {
				if name.IsExported() && covered < line && spec.Comment == nil {
					t.Errorf("%s:%d: %s has no comment", f.path, f.line(spec.Pos()), name.Name)
				}
			}
		}
	}
}

// exportedReceiver reports whether d is a function, or a method of an exported
// type.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return true
	}
	exported := false
	ast.Inspect(d.Recv.List[0].Type, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && !exported {
			exported = id.IsExported()
			return false
		}
		return true
	})
	return exported
}

// forbidden are words that must not stand in the tree, written in two halves so
// that this file passes: places of one machine, words about how the work is
// organised, and unfinished work.
var forbidden = []string{
	"/wo" + "rk/", "/tmp/" + "vz", "/ro" + "ot/",
	"this " + "session", "developer " + "session", "C" + "EO ",
	"TO" + "DO", "FIX" + "ME", "XX" + "X:", "not imple" + "mented yet",
	"An" + "thropic", "Clau" + "de", "Chat" + "GPT", "Co" + "pilot",
}

// TestForbiddenWords looks at every text file.
func TestForbiddenWords(t *testing.T) {
	walk(t, func(rel string, src []byte) {
		text := string(src)
		if strings.Contains(text, "\x00") {
			return // not text
		}
		for _, word := range forbidden {
			if i := strings.Index(text, word); i >= 0 {
				t.Errorf("%s:%d: %q does not belong into the tree", rel, 1+strings.Count(text[:i], "\n"), word)
			}
		}
	})
}
