package suites

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vectorizer-go/vectorizer/bench/dataset"
	"github.com/vectorizer-go/vectorizer/bench/measure"
	"github.com/vectorizer-go/vectorizer/bench/query"
	"github.com/vectorizer-go/vectorizer/bench/result"
	"github.com/vectorizer-go/vectorizer/cpu"
	"github.com/vectorizer-go/vectorizer/cpu/simd"
	"github.com/vectorizer-go/vectorizer/engine/compute"
)

const (
	exactRows  = 100_000
	exactDim   = 256
	exactBatch = 64
	exactGain  = 1.5
	// exactShare is the share of the machine's multiplications that exact search does.
	exactShare = 0.8
	// blas is the peer that is a matrix product and a selection.
	blas = "openblas"
)

// runExact measures exact search of batches, in turn with OpenBLAS's product and a
// selection when peers are asked for.
func runExact(ctx context.Context, e *Env, r *result.Run) error {
	set := normalRows(min(e.Rows, exactRows), exactDim, exactBatch, e.K)
	r.Data = result.DataOf(set)
	r.Parameters["k"], r.Parameters["batch"], r.Parameters["threads"] = e.K, exactBatch, e.BuildTh
	part := *e
	part.Set = set
	if len(e.Peers.Names) > 0 {
		part.Peers.Names = []string{blas}
	}
	peers, err := startPeers(ctx, &part, r)
	if err != nil {
		return err
	}
	defer peers.stop()
	if at := peers.index(blas); at >= 0 {
		if _, err := peers.all[at].build(ctx, e.BuildTh, e.EfC); err != nil {
			return err
		}
	}
	backend := cpu.New(cpu.Options{Workers: e.BuildTh})
	var own, shares []float64
	var theirs blasTimes
	recall := 0.0
	for range e.Repeat {
		qps, found, err := exactSpeed(ctx, &part, backend)
		if err != nil {
			return errors.Join(err, backend.Close())
		}
		own, recall = append(own, qps), found
		if peak := peakRate(e.BuildTh, e.Seconds); peak > 0 {
			shares = append(shares, qps*float64(len(set.Base))/peak)
		}
		if at := peers.index(blas); at >= 0 {
			if err := theirs.add(ctx, &part, peers.all[at], qps); err != nil {
				return errors.Join(err, backend.Close())
			}
		}
	}
	r.Add(result.Figure{Name: "exact queries per second: " + ours, Unit: "queries/s", Better: result.Higher,
		Recall: recall}, own...)
	r.Add(result.Figure{Name: "multiplications of exact search: " + ours, Unit: "G/s", Better: result.Higher,
		Value: measure.Median(own) * float64(len(set.Base)) / 1e9})
	if len(shares) > 0 {
		r.Add(result.Figure{Name: "share of the machine's multiplications", Better: result.Higher,
			Note:   "of vector multiply-adds on registers alone, as many threads",
			Target: &result.Target{Value: exactShare, From: "aim of exact search"}}, shares...)
	}
	theirs.report(r)
	e.sayFigures(r)
	return backend.Close()
}

// peakRate is how many multiplications a second so many threads can do, 0 where no
// kernel measures that.
func peakRate(threads int, seconds float64) float64 {
	const turns = 1 << 16 // some tenths of a millisecond
	var wg sync.WaitGroup
	var done atomic.Int64
	begin := time.Now()
	for range threads {
		wg.Go(func() {
			for n := 1; n > 0 && time.Since(begin).Seconds() < seconds; {
				n = simd.PeakF32(turns)
				done.Add(int64(n))
			}
		})
	}
	wg.Wait()
	return float64(done.Load()) / time.Since(begin).Seconds()
}

// blasTimes are the measurements of OpenBLAS, and ours against each.
type blasTimes struct {
	whole, product, gain, productGain []float64
	recall                            float64 // with the selection
}

// add measures the product with a selection and alone, after ours reached qps.
func (b *blasTimes) add(ctx context.Context, e *Env, p *peer, qps float64) error {
	recall, whole, err := p.search(ctx, exactBatch, e.BuildTh, e.Seconds)
	if err != nil {
		return err
	}
	_, product, err := p.search(ctx, 0, e.BuildTh, e.Seconds)
	if err != nil {
		return err
	}
	b.recall = recall
	b.whole, b.product = append(b.whole, whole), append(b.product, product)
	b.gain, b.productGain = append(b.gain, qps/whole), append(b.productGain, qps/product)
	return nil
}

// report adds the figures, if OpenBLAS was measured.
func (b *blasTimes) report(r *result.Run) {
	if len(b.whole) == 0 {
		return
	}
	r.Add(result.Figure{Name: "exact queries per second: " + blas, Unit: "queries/s", Better: result.Higher,
		Recall: b.recall}, b.whole...)
	r.Add(result.Figure{Name: "exact queries per second: " + blas + ", product alone", Unit: "queries/s",
		Better: result.Higher}, b.product...)
	r.Add(result.Figure{Name: "exact search against matrix product and selection of OpenBLAS",
		Better: result.Higher, Target: &result.Target{Value: exactGain, From: "aim of exact search"}}, b.gain...)
	r.Add(result.Figure{Name: "exact search against the matrix product of OpenBLAS alone", Better: result.Higher,
		Note: "ours with its selection"}, b.productGain...)
	r.Notes = append(r.Notes, "The selection beside OpenBLAS is numpy's argpartition, which takes longer than the "+
		"product: the second ratio leaves it out.")
}

// normalRows makes a set of independent normal components, under cosine, of unit
// length.
func normalRows(rows, dim, queries, k int) *dataset.Set {
	rng := rand.New(rand.NewPCG(1, 3))
	unit := func(n int) []float32 {
		out := make([]float32, n*dim)
		for i := range out {
			out[i] = float32(rng.NormFloat64())
		}
		for at := 0; at < len(out); at += dim {
			row, sum := out[at:at+dim], 0.0
			for _, v := range row {
				sum += float64(v) * float64(v)
			}
			for i := range row {
				row[i] = float32(float64(row[i]) / math.Sqrt(sum))
			}
		}
		return out
	}
	s := &dataset.Set{Name: "normal", Metric: compute.Cosine, Dim: dim, TruthK: k, Origin: "generated",
		SHA256: "generated, seed 1, 3"}
	s.Base, s.Queries = unit(rows), unit(queries)
	s.Truth = dataset.Exact(s.Metric, s.Base, s.Queries, dim, k)
	return s
}

// exactSpeed searches the batch again and again for e.Seconds and checks the last
// answer.
func exactSpeed(ctx context.Context, e *Env, b *cpu.Backend) (qps, recall float64, err error) {
	set := e.Set
	n := set.NumQueries()
	host := compute.HostRows{Rows: set.Base, Dim: set.Dim, Stride: set.Dim, Metric: set.Metric}
	req := &compute.SearchRequest{Queries: set.Queries, K: e.K, IDs: make([]uint32, n*e.K),
		Dist: make([]float32, n*e.K)}
	if err := b.SearchHost(ctx, host, req); err != nil { // the first one makes its buffers
		return 0, 0, err
	}
	begin, rounds := time.Now(), 0
	for rounds == 0 || time.Since(begin).Seconds() < e.Seconds {
		if err := b.SearchHost(ctx, host, req); err != nil {
			return 0, 0, err
		}
		rounds++
	}
	qps = float64(rounds*n) / time.Since(begin).Seconds()
	checker, found := query.NewChecker(set, e.K), make([]int32, e.K)
	for q := range n {
		for i, id := range req.IDs[q*e.K : (q+1)*e.K] {
			found[i] = int32(id)
		}
		recall += checker.Recall(q, found) / float64(n)
	}
	return qps, recall, nil
}
