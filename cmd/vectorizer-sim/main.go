// Command vectorizer-sim runs the replication simulator for as long as it is
// asked to: a long run over many seeds, or one seed with its transcript.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vectorizer-go/vectorizer/replication/sim"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "vectorizer-sim:", err)
		os.Exit(1)
	}
}

// errFound says that a seed breaks an invariant.
var errFound = errors.New("an invariant does not hold")

func run(args []string, out io.Writer) error {
	set := flag.NewFlagSet("vectorizer-sim", flag.ContinueOnError)
	first := set.Uint64("first", 1, "first seed")
	count := set.Uint64("seeds", 1000, "number of seeds")
	workers := set.Int("workers", runtime.GOMAXPROCS(0), "seeds run at once")
	trace := set.Uint64("trace", 0, "run this seed alone and print its transcript")
	if err := set.Parse(args); err != nil {
		return err
	}
	if *trace != 0 {
		return traced(*trace, out)
	}
	return many(*first, *count, *workers, out)
}

// traced prints what happens under one seed.
func traced(seed uint64, out io.Writer) error {
	r := sim.Run(sim.Options{Seed: seed, Trace: true})
	fmt.Fprint(out, r.Transcript)
	if r.Violation != "" {
		return fmt.Errorf("%w: %s", errFound, r.Violation)
	}
	return nil
}

// many runs seeds and tells what they did, and which failed.
func many(first, count uint64, workers int, out io.Writer) error {
	begin := time.Now()
	var next atomic.Uint64
	next.Store(first)
	var mu sync.Mutex
	var total sim.Result
	failed := 0
	var wg sync.WaitGroup
	for range max(1, workers) {
		wg.Go(func() {
			for {
				seed := next.Add(1) - 1
				if seed >= first+count {
					return
				}
				r := sim.Run(sim.Options{Seed: seed})
				mu.Lock()
				total.Add(r)
				if r.Violation != "" {
					failed++
					fmt.Fprintln(out, r.Violation)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	fmt.Fprintf(out, "%d seeds in %v: %d events, %d writes, %d confirmed by all, %d promotions, "+
		"%d full copies, %d crashes, %d failed\n",
		count, time.Since(begin).Round(time.Millisecond), total.Events, total.Writes, total.Confirmed,
		total.Promotions, total.Copies, total.Crashes, failed)
	if failed > 0 {
		return errFound
	}
	return nil
}
