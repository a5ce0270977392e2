package suites

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/vectorizer-go/vectorizer/bench/result"
)

// statsBlocks are the blocks of each side, in each repetition.
const statsBlocks = 10

// statsCost compares the processor time of a replicated upsert, at master and
// replica together, with statistics and without, in blocks that take turns. It
// says nothing where the system does not tell the processor time of a process. What
// is measured is less than the noise of a pair: BenchmarkStatistics of package node
// has the cost of each call, which this only bounds.
func statsCost(ctx context.Context, e *Env, r *result.Run) (err error) {
	var sides [2]*pair // without, with
	for i, enabled := range []string{"false", "true"} {
		p, err := startPair(ctx, e, placement{}, "master", "--replication-stats-enabled="+enabled)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, p.stop()) }()
		if err := p.follow(ctx, "--replication-stats-enabled="+enabled); err != nil {
			return err
		}
		if err := createFor(ctx, p.master.Client, e, e.Set); err != nil {
			return err
		}
		sides[i] = p
	}
	block := *e
	block.Seconds = e.Seconds / 5
	var total, cost, share []float64
	for i := range statsBlocks*e.Repeat + 2 {
		var used [2]float64
		for j := range sides {
			side := (i + j) % 2 // which is first changes, so that a drift hits both
			if used[side], err = sides[side].perUpsert(ctx, &block); err != nil || used[side] == 0 {
				return err
			}
		}
		if i < 2 {
			continue // warming up
		}
		total = append(total, used[1])
		cost = append(cost, used[1]-used[0])
		share = append(share, used[1]/used[0]-1)
	}
	sorted := slices.Sorted(slices.Values(share))
	r.Add(result.Figure{Name: "processor time per replicated upsert, both nodes", Unit: "µs", Better: result.Lower},
		total...)
	note := fmt.Sprintf("median of %d pairs, the middle half of them from %.3f to %.3f", len(sorted),
		sorted[len(sorted)/4], sorted[3*len(sorted)/4])
	r.Add(result.Figure{Name: "cost of statistics per replicated upsert", Unit: "µs", Better: result.Lower}, cost...)
	r.Add(result.Figure{Name: "share of processor time that statistics cost, paired", Better: result.Lower,
		Note: note}, share...)
	return nil
}

// perUpsert is the processor time of one upsert, in microseconds: the master's and
// the replica's, until both have linked it. 0 where the system does not tell.
func (p *pair) perUpsert(ctx context.Context, e *Env) (float64, error) {
	before, err := p.cpu()
	if err != nil {
		return 0, err
	}
	first := p.next
	if _, err := upserts(ctx, e, p.master.Client, writerCounts[1], &p.next); err != nil {
		return 0, err
	}
	if err := p.level(ctx); err != nil {
		return 0, err
	}
	after, err := p.cpu()
	return result.Microseconds(after-before) / float64(p.next-first), err
}

// cpu is the processor time of both nodes so far.
func (p *pair) cpu() (time.Duration, error) {
	a, err := p.master.usage()
	if err != nil {
		return 0, err
	}
	b, err := p.replica.usage()
	return a.CPU + b.CPU, err
}
