package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/vectorizer-go/vectorizer/cmd/vectorizer/machine"
	"github.com/vectorizer-go/vectorizer/cpu/simd"
	"github.com/vectorizer-go/vectorizer/cpu/tune"
	"github.com/vectorizer-go/vectorizer/engine/slab"
)

// Where the depths of fetching come from.
const (
	fetchKept     = "kept"     // an earlier start measured them
	fetchMeasured = "measured" // this one did
	fetchTable    = "table"    // they could not be measured
)

// fetchKey is what a measurement on this machine holds for.
func fetchKey(facts machine.Facts) tune.Key {
	b := readBuildInfo()
	return tune.Key{CPU: facts.CPU, Level: facts.SIMD, Build: strings.TrimSpace(b.Version + " " + b.Commit)}
}

// measureFetch measures on memory like that of the codes. It takes a sixteenth of
// the machine's for the moment at most.
func measureFetch() tune.Result {
	n := int64(tune.Bytes)
	if usable := machine.Read(machine.Root()).Usable(); usable > 0 {
		n = min(n, usable/16) &^ 4095 // whole pages
	}
	block, err := slab.New(int(n))
	if err != nil {
		return tune.Result{Why: err.Error()}
	}
	defer block.Release()
	if err := block.Commit(int(n)); err != nil {
		return tune.Result{Why: err.Error()}
	}
	return tune.Measure(tune.Options{Block: slab.Of[float32](block)})
}

// foundFetch are depths of fetching with where they come from.
type foundFetch struct {
	Source string `json:"source"`
	simd.Fetch
	Rounds int    `json:"rounds,omitempty"`
	Why    string `json:"why,omitempty"` // why they could not be measured
}

// resolved shows what the table says where it stays.
func (f foundFetch) resolved() foundFetch {
	f.Fetch = f.Fetch.Resolved()
	return f
}

// findFetch has measure measure; nil cannot.
func findFetch(measure func() tune.Result) foundFetch {
	if measure == nil {
		return foundFetch{Source: fetchTable, Why: "not asked to measure"}
	}
	r := measure()
	if r.Why != "" {
		return foundFetch{fetchTable, r.Fetch, r.Rounds, r.Why}
	}
	return foundFetch{Source: fetchMeasured, Fetch: r.Fetch, Rounds: r.Rounds}
}

// takeFetch sets how far ahead rows are fetched: what an earlier start kept in the
// data directory, else what measure finds now.
func (s *server) takeFetch(measure func() tune.Result) {
	begin := time.Now()
	kept, ok := tune.Load(s.config.DataDir, fetchKey(machine.Read(machine.Root())))
	if s.fetch = (foundFetch{Source: fetchKept, Fetch: kept}); !ok {
		s.fetch = findFetch(measure)
	}
	f := s.fetch.Resolved()
	e := s.log.Info().Str("source", s.fetch.Source).Uints8("rows_ahead", f.Ahead[:]).
		Uint8("code_lines", f.CodeLines).Dur("took_ms", time.Since(begin))
	if s.fetch.Why != "" {
		e = e.Str("why", s.fetch.Why)
	}
	e.Msg("depths of fetching")
}

// saveFetch keeps what was measured. The data directory is ours by now.
func (s *server) saveFetch() {
	if s.fetch.Source != fetchMeasured {
		return
	}
	err := tune.Save(s.config.DataDir, fetchKey(machine.Read(machine.Root())), s.fetch.Fetch)
	if err != nil {
		s.log.Warn().Err(err).Msg("the next start measures again")
	}
}

// describeFetch says for doctor what a server with this directory would do.
func describeFetch(dir string) string {
	if !simd.Fetches() {
		return "kernels of level " + simd.Level() + " leave it to the processor"
	}
	f, kept := tune.Load(dir, fetchKey(machine.Read(machine.Root())))
	from := "as measured on this machine"
	if !kept {
		from = "from a table until the next start has measured"
	}
	f = f.Resolved()
	var b strings.Builder
	for class, n := range f.Ahead {
		if class < len(f.Ahead)-1 {
			fmt.Fprintf(&b, "rows up to %d bytes %d early, ", simd.FetchBytes(class), n)
		} else {
			fmt.Fprintf(&b, "larger ones %d, ", n)
		}
	}
	fmt.Fprintf(&b, "%d lines of codes; %s", f.CodeLines, from)
	return b.String()
}
