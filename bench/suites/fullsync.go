package suites

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/vectorizer-go/vectorizer/bench/dataset"
	"github.com/vectorizer-go/vectorizer/bench/query"
	"github.com/vectorizer-go/vectorizer/bench/result"
	"github.com/vectorizer-go/vectorizer/bench/wire"
)

const (
	copyRate   = 300.0            // MB/s
	copyAnswer = 3.0              // seconds from the last byte to a correct answer
	copyMemory = 256 << 20        // bytes that a copy may need at master and replica, at any size
	copyLimit  = 10 * time.Minute // for one copy
)

// runFullSync gives a new replica a master with a generated set, as often as there
// are repetitions, and measures the rate of the full copy, the time from its last
// byte to the first correct answer, and what memory it takes at both ends.
func runFullSync(ctx context.Context, e *Env, r *result.Run) (err error) {
	e.graphParameters(r)
	r.Parameters["seed"] = restartSeed
	r.Parameters["ef"] = restartEf
	set, err := dataset.Clustered(ctx, dataset.ClusteredSpec{Rows: e.Rows, Dim: restartDim,
		Queries: restartQueries, TruthK: max(e.K, 10), Seed: restartSeed})
	if err != nil {
		return err
	}
	r.Data = result.DataOf(set)
	p, err := startPair(ctx, e, placement{}, "master")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	if err := p.master.create(ctx, e, set); err != nil {
		return err
	}
	took, err := p.master.load(ctx, set)
	if err != nil {
		return err
	}
	e.say("  stored and indexed in %.1f s", took.Seconds())
	var all fullSyncs
	for range e.Repeat {
		one, err := p.fullSync(ctx, set)
		if err != nil {
			return err
		}
		all.add(&one)
		e.say("  %s at %s, correct %.2f s after the last byte", result.Number(one.bytes, "bytes"),
			result.Number(one.rate(), "MB/s"), one.answer.Seconds())
	}
	all.report(r, p.master)
	e.sayFigures(r)
	return nil
}

// fullSyncOnce is what one copy showed.
type fullSyncOnce struct {
	bytes       float64
	begin, took time.Duration // until the first byte was due; from there to the last
	answer      time.Duration // from the last byte to a correct answer
	recall      float64
	master      float64 // growth of the master's memory that is no file, bytes; 0 = unknown
	replica     float64 // the same of the replica when it has every byte, before it serves them
}

// rate is in MB/s.
func (o *fullSyncOnce) rate() float64 { return o.bytes / 1e6 / o.took.Seconds() }

// fullSync starts an empty replica, follows its copy, and asks it until it is
// right. The replica is gone afterwards.
func (p *pair) fullSync(ctx context.Context, set *dataset.Set) (one fullSyncOnce, err error) {
	before, err := p.master.usage()
	if err != nil {
		return one, err
	}
	begin := time.Now()
	if err := p.follow(ctx); err != nil {
		return one, err
	}
	defer func() {
		err = errors.Join(err, p.unfollow(), os.RemoveAll(p.dir+"/replica"))
	}()
	var first, last time.Time
	for last.IsZero() {
		st, err := p.status(ctx, p.replica)
		if err != nil {
			return one, err
		}
		now := time.Now()
		switch c := st.Stats.Copy; {
		case c != nil && c.BytesTotal > 0:
			if first.IsZero() {
				first = now
			}
			if c.BytesDone >= c.BytesTotal {
				last = now
			}
		case st.Stats.SnapshotSize > 0: // it ended between two questions
			last = now
		case now.Sub(begin) > copyLimit:
			return one, fmt.Errorf("no full copy within %v", copyLimit)
		}
		one.bytes = float64(st.Stats.SnapshotSize)
		if c := st.Stats.Copy; c != nil {
			one.bytes = float64(c.BytesTotal)
		}
		if err := pauseFor(ctx, levelPause); err != nil {
			return one, err
		}
	}
	if first.IsZero() { // it was that short
		first = begin
	}
	one.begin, one.took = first.Sub(begin), last.Sub(first)
	after, err := p.master.usage()
	if err != nil {
		return one, err
	}
	one.master = float64(after.RSSAnon - before.RSSAnon)
	if after, err = p.replica.usage(); err != nil {
		return one, err
	}
	one.replica = float64(after.RSSAnon)
	one.recall, err = p.firstAnswer(ctx, set)
	one.answer = time.Since(last)
	if err != nil {
		return one, err
	}
	return one, p.caughtUp(ctx, nil)
}

// firstAnswer asks the replica until an answer is correct.
func (p *pair) firstAnswer(ctx context.Context, set *dataset.Set) (float64, error) {
	plan := query.Plan{Format: wire.JSON, Ef: restartEf, Conns: 1, Requests: 1}
	for begin := time.Now(); ; {
		one, err := query.Run(ctx, p.replica.target(p.e, set), plan)
		if err == nil && one.Recall >= recallGoals[0] {
			return one.Recall, nil
		}
		if time.Since(begin) > time.Minute || ctx.Err() != nil {
			return 0, fmt.Errorf("no correct answer within a minute: %w", errors.Join(err, ctx.Err()))
		}
		if err := pauseFor(ctx, levelPause); err != nil {
			return 0, err
		}
	}
}

// fullSyncs collects the samples.
type fullSyncs struct {
	bytes, begin, rate, answer, master, replica []float64
	recall                                      float64
}

func (a *fullSyncs) add(o *fullSyncOnce) {
	a.bytes, a.begin = append(a.bytes, o.bytes), append(a.begin, o.begin.Seconds())
	a.rate, a.answer = append(a.rate, o.rate()), append(a.answer, o.answer.Seconds())
	a.master, a.replica = append(a.master, o.master), append(a.replica, o.replica)
	a.recall = o.recall
}

func (a *fullSyncs) report(r *result.Run, master *server) {
	r.Add(result.Figure{Name: "full copy", Unit: "bytes"}, a.bytes...)
	r.Add(result.Figure{Name: "start of an empty replica to the first byte", Unit: "s", Better: result.Lower},
		a.begin...)
	r.Add(result.Figure{Name: "rate of a full copy on loopback", Unit: "MB/s", Better: result.Higher,
		Target: &result.Target{Value: copyRate, From: "bound on a full copy"}}, a.rate...)
	r.Add(result.Figure{Name: "last byte to the first correct answer of the replica", Unit: "s",
		Better: result.Lower, Recall: a.recall,
		Target: &result.Target{Value: copyAnswer, From: "bound on a full copy"}}, a.answer...)
	if u, err := master.usage(); err == nil && u.Known {
		r.Add(result.Figure{Name: "growth of the master's memory during a full copy", Unit: "bytes",
			Better: result.Lower, Target: &result.Target{Value: copyMemory, From: "constant memory"}}, a.master...)
		r.Add(result.Figure{Name: "the replica's memory when the last byte is there", Unit: "bytes",
			Better: result.Lower, Target: &result.Target{Value: copyMemory, From: "constant memory"}}, a.replica...)
	}
}
