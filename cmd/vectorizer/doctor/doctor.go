// Package doctor checks whether this machine is ready to serve, and says for
// everything it looks at what was found and what to do about it. It changes
// nothing that outlives it.
package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"

	"github.com/vectorizer-go/vectorizer/cmd/vectorizer/config"
	"github.com/vectorizer-go/vectorizer/cmd/vectorizer/machine"
)

// Status says how much a finding matters.
type Status string

// The statuses, from good to bad. Only Fail keeps the server from working.
const (
	OK   Status = "ok"
	Info Status = "info" // worth knowing
	Warn Status = "warn" // works, with a drawback that the advice removes
	Fail Status = "fail" // does not work until the advice is followed
)

const nothing = "nothing to do"

// Check is one finding.
type Check struct {
	Name   string `json:"name"`
	Status Status `json:"status"`
	Found  string `json:"found"`
	Advice string `json:"advice"`
}

// Report is everything found.
type Report struct {
	Version string        `json:"version"`
	Machine machine.Facts `json:"machine"`
	Checks  []Check       `json:"checks"`
}

// Options says what to check.
type Options struct {
	Version string
	Config  config.Config
	Root    fs.FS // file system of the machine, machine.Root outside tests
	// Devices are the backends and why each is not used.
	Devices []Device
	// Inspect says what the directory of the data holds, without changing it.
	Inspect func(dir string) (DirState, error)
	// Ask returns the version of a vectorizer server at an address, or an error.
	Ask func(ctx context.Context, address string) (version string, err error)
	// Fetch says how far ahead of their use rows are fetched into the cache.
	Fetch string
	// SIMDLimit is the value of VECTORIZER_SIMD.
	SIMDLimit string
}

// DirState is what a directory of data holds.
type DirState struct {
	Found string // a clause, such as "is empty"
	InUse bool   // another process has it open
}

// Device is a backend.
type Device struct {
	Name   string `json:"name"`
	Usable bool   `json:"usable"`
	Reason string `json:"reason"` // what it is, or why it is not used
}

// Run makes every check.
func Run(ctx context.Context, o Options) Report {
	r := Report{Version: o.Version, Machine: machine.Read(o.Root)}
	r.Checks = append(r.Checks, machineChecks(o, r.Machine)...)
	r.Checks = append(r.Checks, kernelChecks(o.Root)...)
	r.Checks = append(r.Checks, limitChecks()...)
	r.Checks = append(r.Checks, gpuChecks(o)...)
	r.Checks = append(r.Checks, dirChecks(o)...)
	r.Checks = append(r.Checks, portCheck(ctx, o))
	r.Checks = append(r.Checks, clockChecks(o.Root)...)
	return r
}

// Failures is the number of checks that failed.
func (r Report) Failures() int {
	n := 0
	for _, c := range r.Checks {
		if c.Status == Fail {
			n++
		}
	}
	return n
}

// WriteJSON writes the report as one JSON object.
func (r Report) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}

// WriteText writes one line per check and one for the outcome.
func (r Report) WriteText(w io.Writer) error {
	name := 0
	for _, c := range r.Checks {
		name = max(name, len(c.Name))
	}
	warnings := 0
	for _, c := range r.Checks {
		if c.Status == Warn {
			warnings++
		}
		_, err := fmt.Fprintf(w, "%-4s  %-*s  %s: %s\n", c.Status, name, c.Name, c.Found, c.Advice)
		if err != nil {
			return err
		}
	}
	verdict := "ready to serve"
	if n := r.Failures(); n > 0 {
		verdict = fmt.Sprintf("not ready: %s", count(n, "failure"))
	}
	if warnings > 0 {
		verdict += ", " + count(warnings, "warning")
	}
	_, err := fmt.Fprintf(w, "\n%s\n", verdict)
	return err
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func ok(name, found string) Check { return Check{name, OK, found, nothing} }
