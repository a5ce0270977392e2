package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/vectorizer-go/vectorizer/cpu/simd"
)

// version is set by the build with -ldflags "-X main.version=1.2.3". Without
// it the module version or the commit in the build information stands in.
var version = ""

// buildInfo says what this binary is.
type buildInfo struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Time     string `json:"commit_time,omitempty"` // of the commit, RFC 3339
	Modified bool   `json:"modified"`              // built from a changed tree
	Go       string `json:"go"`
	Platform string `json:"platform"`
	CGO      bool   `json:"cgo"`
	SIMD     string `json:"simd"` // instruction set of the kernels on this machine
}

// readBuildInfo reads what the linker and the Go tool wrote into the binary.
func readBuildInfo() buildInfo {
	b := buildInfo{
		Version:  version,
		Go:       runtime.Version(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH,
		SIMD:     simd.Level(),
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.Time = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		case "CGO_ENABLED":
			b.CGO = s.Value == "1"
		}
	}
	if b.Version == "" {
		b.Version = "devel"
		if v := info.Main.Version; v != "" && v != "(devel)" {
			b.Version = v
		}
	}
	return b
}

func newVersionCmd(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print what this binary is",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			b := readBuildInfo()
			if asJSON {
				enc := json.NewEncoder(a.out)
				enc.SetIndent("", "  ")
				return enc.Encode(b)
			}
			fmt.Fprintf(a.out, "vectorizer %s\n", b.Version)
			fmt.Fprintf(a.out, "commit   %s\n", orDash(b.Commit))
			fmt.Fprintf(a.out, "go       %s\n", b.Go)
			fmt.Fprintf(a.out, "platform %s\n", b.Platform)
			fmt.Fprintf(a.out, "simd     %s\n", b.SIMD)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// orDash returns s, or "-" for nothing.
func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
