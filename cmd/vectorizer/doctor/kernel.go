package doctor

import (
	"io/fs"
	"strconv"
	"strings"

	"github.com/vectorizer-go/vectorizer/cmd/vectorizer/machine"
)

// kernelChecks looks at the settings of a Linux kernel; elsewhere it finds none.
func kernelChecks(root fs.FS) []Check {
	var out []Check
	const thp = "sys/kernel/mm/transparent_hugepage/enabled"
	if s, found := machine.Setting(root, thp); found {
		out = append(out, hugePagesCheck(s, "/"+thp))
	}
	if s, found := machine.Setting(root, "proc/sys/vm/max_map_count"); found {
		out = append(out, mapCountCheck(s))
	}
	if s, found := machine.Setting(root, "proc/sys/vm/overcommit_memory"); found {
		out = append(out, overcommitCheck(s))
	}
	return out
}

// hugePagesCheck reads a line such as "always [madvise] never".
func hugePagesCheck(line, path string) Check {
	const name = "huge pages"
	_, rest, _ := strings.Cut(line, "[")
	mode, _, _ := strings.Cut(rest, "]")
	switch mode {
	case "always", "madvise":
		return ok(name, mode)
	case "never":
		return Check{name, Warn, "never", "echo madvise > " + path +
			": large graphs are searched faster with huge pages"}
	}
	return Check{name, Info, "not understood: " + line, "see " + path}
}

// mapCountCheck compares the limit of mappings with what a busy server needs:
// a few per index image and table file.
func mapCountCheck(s string) Check {
	const name, enough = "max_map_count", 65530
	n, err := strconv.Atoi(s)
	if err != nil {
		return Check{name, Info, "not understood: " + s, "see /proc/sys/vm/max_map_count"}
	}
	if n < enough {
		return Check{name, Warn, s, "sysctl -w vm.max_map_count=65530: each index image is mapped"}
	}
	return ok(name, s)
}

func overcommitCheck(s string) Check {
	const name = "overcommit"
	switch s {
	case "0", "1":
		return ok(name, s)
	case "2":
		return Check{name, Warn, "2, so memory that is only reserved counts as used",
			"sysctl -w vm.overcommit_memory=0, or leave memory free for reservations"}
	}
	return Check{name, Info, "not understood: " + s, "see /proc/sys/vm/overcommit_memory"}
}
