package main

import (
	"io/fs"
	"runtime/debug"

	"github.com/rs/zerolog"

	"github.com/vectorizer-go/vectorizer/cmd/vectorizer/config"
	"github.com/vectorizer-go/vectorizer/cmd/vectorizer/machine"
)

// limitMemory makes the garbage collector work harder before the control group's
// limit ends the process, unless GOMEMLIMIT already says so. A tenth is left for
// what the collector does not see.
func limitMemory(log zerolog.Logger, root fs.FS, environ []string) {
	limit := machine.CgroupMemory(root)
	if limit == 0 || envValue(environ, "GOMEMLIMIT") != "" {
		return
	}
	target := limit / 10 * 9
	debug.SetMemoryLimit(target)
	log.Info().Str("cgroup", config.FormatSize(limit)).Int64("limit_bytes", target).
		Msg("garbage collector keeps below the control group's limit")
}
