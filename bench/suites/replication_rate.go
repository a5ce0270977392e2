package suites

import (
	"context"
	"errors"
	"fmt"

	"github.com/vectorizer-go/vectorizer/bench/result"
)

// replicatedShare is the least share of the standalone write rate that a master
// with one replica reaches.
const replicatedShare = 0.9

// placement says on which processors nodes run; none = on any.
type placement struct {
	name          string
	rest, replica []int // the master and the load generator; the replica
}

// placements are all on the same processors, and the replica on one of its own
// where there are two and the system lets us choose.
func placements() []placement {
	out := []placement{{name: "shared processors"}}
	if cpus := searchCPUs(1 << 10); len(cpus) > 1 {
		last := len(cpus) - 1
		out = append(out, placement{"replica on its own processor", cpus[:last], cpus[last:]})
	}
	return out
}

// replicatedRates compares the write rates for each placement.
func replicatedRates(ctx context.Context, e *Env, r *result.Run) error {
	for _, at := range placements() {
		restore := pinProcess(at.rest)
		err := replicatedRate(ctx, e, r, at)
		restore()
		if err != nil {
			return err
		}
	}
	return nil
}

// replicatedRate compares single-row upserts at a node alone and at a master with
// one replica, in turn.
func replicatedRate(ctx context.Context, e *Env, r *result.Run, at placement) (err error) {
	alone, err := startPair(ctx, e, at, "standalone")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, alone.stop()) }()
	both, err := startPair(ctx, e, at, "master")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, both.stop()) }()
	if err := both.follow(ctx); err != nil {
		return err
	}
	for _, s := range []*server{alone.master, both.master} {
		if err := createFor(ctx, s.Client, e, e.Set); err != nil {
			return err
		}
	}
	for _, n := range writerCounts {
		var without, with, share []float64
		for i := range 2 * e.Repeat {
			a, b, err := writeInTurn(ctx, e, alone, both, n, i%2 == 1)
			if err != nil {
				return err
			}
			without, with, share = append(without, a), append(with, b), append(share, b/a)
			e.say("  %s, %d clients: alone %s, with a replica %s", at.name, n, result.Number(a, "upserts/s"),
				result.Number(b, "upserts/s"))
		}
		name := fmt.Sprintf("%s, %d clients", at.name, n)
		r.Add(result.Figure{Name: "durable upserts per second: alone, " + name, Unit: "upserts/s",
			Better: result.Higher}, without...)
		r.Add(result.Figure{Name: "durable upserts per second: with one replica, " + name, Unit: "upserts/s",
			Better: result.Higher}, with...)
		f := result.Figure{Name: "write rate with one replica against alone: " + name, Better: result.Higher}
		if at.replica != nil {
			f.Target = &result.Target{Value: replicatedShare, From: "bound on the cost of replication"}
		}
		r.Add(f, share...)
	}
	return nil
}

// writeInTurn measures both sides once; swap says which is first, so that a drift
// hits both.
func writeInTurn(ctx context.Context, e *Env, alone, both *pair, clients int, swap bool) (a, b float64, err error) {
	order := []*pair{alone, both}
	if swap {
		order = []*pair{both, alone}
	}
	for _, p := range order {
		res, err := upserts(ctx, e, p.master.Client, clients, &p.next)
		if err != nil {
			return 0, 0, err
		}
		if p == alone {
			a = res.QPS()
			continue
		}
		b = res.QPS()
		if err := both.level(ctx); err != nil {
			return 0, 0, err
		}
	}
	return a, b, nil
}
