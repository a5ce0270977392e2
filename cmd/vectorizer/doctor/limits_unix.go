//go:build unix

package doctor

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// limitChecks looks at the limits of this process.
func limitChecks() []Check {
	var files, locked unix.Rlimit
	var out []Check
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err == nil {
		out = append(out, openFilesCheck(uint64(files.Max)))
	}
	if err := unix.Getrlimit(unix.RLIMIT_MEMLOCK, &locked); err == nil {
		out = append(out, ok("memlock", limitText(uint64(locked.Cur))+", not needed on the CPU"))
	}
	return out
}

// openFilesCheck judges the hard limit: the server raises its own limit to it.
func openFilesCheck(hard uint64) Check {
	const name, enough = "open files", 4096
	if hard < enough {
		return Check{name, Warn, limitText(hard), "raise it to 65536 (ulimit -n, LimitNOFILE= of " +
			"systemd, --ulimit nofile= of a container): each connection and table takes one"}
	}
	return ok(name, limitText(hard))
}

func limitText(n uint64) string {
	if n >= 1<<62 {
		return "unlimited"
	}
	return fmt.Sprint(n)
}
