package lint

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

// allowed lists, for each package prefix, the packages of this module that it
// may import. The longest matching prefix wins. A package covered by no prefix
// may import nothing of ours. An entry that ends in "/..." allows everything
// below it; any other allows that one package.
var allowed = map[string][]string{
	"engine/compute":    {"engine/compute"}, // its conformance suite, below it
	"engine/errs":       {},
	"engine/invariants": {},
	"engine/slab":       {"engine/invariants"},
	"engine/batch":      {"engine/compute", "engine/errs", "engine/invariants"},
	"engine/filter":     {"engine/errs", "engine/filter/...", "engine/invariants"},
	"engine/payload":    {"engine/errs", "engine/filter/...", "engine/invariants", "engine/payload/..."},
	"engine/store":      {"engine/errs", "engine/filter/...", "engine/invariants", "engine/store/..."},
	"engine/index": {
		"cpu/simd", "engine/batch", "engine/compute/...", "engine/errs",
		"engine/index/...", "engine/invariants", "engine/slab",
	},
	"engine":      {"engine/..."},
	"cpu/simd":    {"cpu/simd/..."},
	"cpu":         {"cpu/...", "engine/compute/...", "engine/invariants"},
	"kernels":     {},
	"gpu/driver":  {},
	"gpu/cuda":    {"gpu/driver", "kernels"},
	"gpu/metal":   {"gpu/driver", "kernels"},
	"gpu/emu":     {"gpu/driver", "kernels"},
	"gpu":         {"engine/compute/...", "engine/invariants", "gpu/...", "kernels"},
	"replication": {"engine/invariants", "replication/..."},
	// The shell: it carries out what the protocol decides, on an engine.
	"replication/netfault": {},
	"replication/node":     {"engine", "engine/errs", "replication/..."},
	"httpapi":              {"engine/...", "httpapi/...", "replication"},
	"bench":                {"bench/...", "cpu/...", "engine/...", "gpu/...", "httpapi/...", "replication/..."},
	"cmd": {
		"bench/...", "cmd/...", "cpu/...", "engine/...", "gpu/...", "httpapi/...", "replication/...",
	},
	"build": {},
}

// under reports whether pkg is prefix or lies below it.
func under(pkg, prefix string) bool {
	return pkg == prefix || strings.HasPrefix(pkg, prefix+"/")
}

// rule returns the allowed imports of the longest prefix that covers pkg.
func rule(pkg string) []string {
	best, imports := "", []string(nil)
	for prefix, list := range allowed {
		if under(pkg, prefix) && len(prefix) > len(best) {
			best, imports = prefix, list
		}
	}
	return imports
}

// mayImport reports whether pkg may import imported, both without the module.
func mayImport(pkg, imported string) bool {
	return slices.ContainsFunc(rule(pkg), func(a string) bool {
		if tree, ok := strings.CutSuffix(a, "/..."); ok {
			return under(imported, tree)
		}
		return imported == a
	})
}

// TestImportDirections fails when a file imports against the layering. Tests
// may import test helpers, so _test.go files are not held to it.
func TestImportDirections(t *testing.T) {
	for _, f := range goFiles(t) {
		if f.test {
			continue
		}
		for _, spec := range f.syntax.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if name, ours := strings.CutPrefix(name, module+"/"); ours && !mayImport(f.pkg, name) {
				t.Errorf("%s:%d: package %s may not import %s", f.path, f.line(spec.Pos()), f.pkg, name)
			}
		}
	}
}

// TestImportRules checks the rules themselves on known cases.
func TestImportRules(t *testing.T) {
	f := func(pkg, imported string, want bool) {
		t.Helper()
		if got := mayImport(pkg, imported); got != want {
			t.Errorf("may %s import %s: got %v, want %v", pkg, imported, got, want)
		}
	}
	f("engine", "engine/store", true)
	f("engine", "cpu", false)
	f("engine", "gpu", false)
	f("engine/store", "engine", false)
	f("engine/index/hnsw", "cpu/simd", true)
	f("engine/index/hnsw", "cpu", false)
	f("engine/index/hnsw", "engine/store", false)
	f("cpu/simd", "engine/compute", false)
	f("replication", "engine", false)
	f("replication/sim", "engine", false)
	f("replication/node", "engine", true)
	f("replication/node", "httpapi", false)
	f("httpapi/metrics", "cpu", false)
	f("bench", "cmd/vectorizer", false)
	f("somewhere/new", "engine", false)
}
