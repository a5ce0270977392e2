package hnsw

import (
	"math/bits"
	"sync/atomic"

	"github.com/vectorizer-go/vectorizer/cpu/simd"
)

// What a search under a filter costs, in distances of a walk: see Filters in
// cpu/NOTES.md.
const (
	// walkPlaces is how many distances a walk computes for each place of its list. A
	// filter that lets one row in n through makes it compute about n times as many.
	walkPlaces = 8
	// codeScanGain is how many rows are scanned by code, in order and fetched ahead, in
	// the time of one distance of a walk.
	codeScanGain = 6
	// filterPatience: a walk that takes so many times what it should is given up. It
	// was led to where nothing is allowed, and goes through all that is nearer.
	filterPatience = 4
)

// among is find under a filter that allowed rows pass. It returns nothing when it
// comes short.
func (w *walk) among(ef, k, rows, allowed int) []cand {
	coded := w.src.codes != nil
	places := placesAmong(ef, rows, allowed)
	if coded && scansCodes(places, allowed) {
		return w.amongCodes(ef, k, rows)
	}
	w.budget = allowed
	if coded {
		w.budget = filterPatience * walkPlaces * places
	}
	list, full := w.walkAmong(ef, k, places)
	switch {
	case full:
		return w.withPending(w.rerank(list, k))
	case coded:
		return w.amongCodes(ef, k, rows)
	}
	return nil
}

// placesAmong is how long the list of a walk is, with the hidden ones between.
func placesAmong(ef, rows, allowed int) int { return min(ef*rows/allowed, rows) }

// scansCodes reports whether codes of the allowed rows are scanned rather than walked by.
func scansCodes(places, allowed int) bool { return allowed <= codeScanGain*walkPlaces*places }

// AmongWork is what a search under a filter that allowed of rows pass is expected to do:
// to scan so many codes, or else to compute so many distances in a walk. coded says
// whether it goes by codes at all.
func AmongWork(ef, rows, allowed int, coded bool) (work int, byCode bool) {
	places := placesAmong(ef, rows, allowed)
	if coded && scansCodes(places, allowed) {
		return allowed, true
	}
	return walkPlaces * places, false
}

// walkAmong returns the ef nearest linked rows that are allowed, with hidden ones
// between, about places in all. full is false when it found fewer, or gave up.
func (w *walk) walkAmong(ef, k, places int) (list []cand, full bool) {
	if places < farEf {
		w.copies = k
		w.walkNear(ef)
		return w.s.beam.c, w.s.beam.shown >= ef && w.tr.Distances <= w.budget
	}
	full = w.walkFar(ef)
	list = w.s.far.sorted()
	return list, full && len(list) >= ef
}

// amongCodes returns the best of all rows that are allowed, found by code.
func (w *walk) amongCodes(ef, k, rows int) []cand {
	w.s.far.reset(ef)
	w.s.ids = w.s.ids[:0]
	for i := range min(groupsFor(rows), len(w.allow)) {
		word := w.allow[i]
		if word == 0 {
			continue
		}
		if left := rows - i<<6; left < 64 {
			word &= 1<<left - 1 // rows behind are newer than the codes at hand may be
		}
		g := &w.m.groups[i]
		// A row that is not linked may have no code; it waits, and was scanned.
		word &= atomic.LoadUint64(&g.alive) & atomic.LoadUint64(&g.linked)
		for ; word != 0; word &= word - 1 {
			w.s.ids = append(w.s.ids, uint32(i<<6+bits.TrailingZeros64(word)))
		}
		if len(w.s.ids) >= codeScanBatch {
			w.keepByCode()
		}
	}
	w.keepByCode()
	return w.withPending(w.rerank(w.s.far.sorted(), k))
}

// codeScanBatch rows at least are scanned at once, codeScanStep of them while the next
// are on their way into the cache.
const (
	codeScanBatch = 512
	codeScanStep  = 32
)

// keepByCode offers the rows of s.ids to the two-heap list, as results only.
func (w *walk) keepByCode() {
	c, f, ids := w.src.codes, &w.s.far, w.s.ids
	lines := w.src.early.Lines(c.stride)
	for len(ids) > 0 {
		now := ids[:min(codeScanStep, len(ids))]
		ids = ids[len(now):]
		if len(ids) > 0 {
			simd.FetchRows(ids[:min(codeScanStep, len(ids))], c.bytes, c.stride, lines)
		}
		for i, d := range w.distancesOf(now) {
			if d < f.bound() {
				f.keep(d, now[i])
			}
		}
	}
	w.s.ids = w.s.ids[:0]
}
