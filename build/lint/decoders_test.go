package lint

import (
	"go/ast"
	"path"
	"strings"
	"testing"
)

// decoders are the packages that read bytes which somebody else wrote: a
// client, a file, a disk. Each needs a fuzz target.
var decoders = []string{
	"bench/hdf5",
	"bench/result",
	"bench/rowio",
	"bench/wire",
	"engine/filter",
	"engine/filter/rawjson",
	"engine/index/hnsw",
	"engine/index/image",
	"engine/payload",
	"engine/store",
	"httpapi",
	"httpapi/codec",
	"replication/node",
	"replication/wire",
}

// TestDecodersAreFuzzed fails for a decoder package without a FuzzX function.
func TestDecodersAreFuzzed(t *testing.T) {
	targets := map[string]int{}
	for _, f := range goFiles(t) {
		for _, d := range f.syntax.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && f.test && strings.HasPrefix(fn.Name.Name, "Fuzz") {
				targets[f.pkg]++
			}
		}
	}
	for _, pkg := range decoders {
		if targets[pkg] == 0 {
			t.Errorf("package %s decodes foreign bytes and has no fuzz target", pkg)
		}
	}
}

// TestAssemblyTags fails for an assembly file that `-tags noasm` or another
// compiler would still build, or that has no Go counterpart to be compared with.
func TestAssemblyTags(t *testing.T) {
	generic := map[string]bool{}
	for _, f := range goFiles(t) {
		generic[f.pkg] = generic[f.pkg] || strings.HasSuffix(f.path, "_generic.go")
	}
	walk(t, func(rel string, src []byte) {
		if !strings.HasSuffix(rel, ".s") {
			return
		}
		tag, _, _ := strings.Cut(string(src[max(0, strings.Index(string(src), "//go:build")):]), "\n")
		for _, need := range []string{"!noasm", "gc"} {
			if !strings.HasPrefix(tag, "//go:build") || !strings.Contains(tag, need) {
				t.Errorf("%s: the build line must contain %s: %q", rel, need, tag)
			}
		}
		if !generic[path.Dir(rel)] {
			t.Errorf("%s: no *_generic.go beside it to compare with", rel)
		}
	})
}
