package suites

import (
	"context"
	"math"

	"github.com/vectorizer-go/vectorizer/bench/result"
	"github.com/vectorizer-go/vectorizer/engine/index/codes"
	"github.com/vectorizer-go/vectorizer/engine/index/hnsw"
)

const (
	// sq8Share is the share of full precision's memory that eight-bit codes with mapped
	// vectors may take.
	sq8Share = 0.35
	// autoLoss is the recall that the codes that the data chose may lose beside full
	// precision at any effort.
	autoLoss = 0.002
)

// codeKinds lists the settings of quantisation, none first.
func codeKinds() []codes.Kind {
	var out []codes.Kind
	for k := codes.None; k.Valid(); k++ {
		out = append(out, k)
	}
	return out
}

// runQuantisation measures build time, memory and recall against speed of every
// setting of quantisation.
func runQuantisation(ctx context.Context, e *Env, r *result.Run) error {
	e.graphParameters(r)
	delete(r.Parameters, "quantization") // it is what varies
	r.Parameters["build threads"] = e.BuildTh
	kinds := codeKinds()
	all := make([]labelled, 0, len(kinds))
	defer func() {
		for _, l := range all {
			_ = l.x.Close()
		}
	}()
	full := int64(0)
	memory := map[codes.Kind]int64{}
	for _, kind := range kinds {
		x, took, err := buildWith(e, e.Set, kind)
		if err != nil {
			return err
		}
		if kind == codes.None {
			full = held(x.Memory())
		}
		mapped, err := reopened(e, x)
		if err != nil {
			_ = x.Close()
			return err
		}
		all = append(all, labelled{kind.String(), mapped})
		if err := x.Close(); err != nil {
			return err
		}
		memory[kind] = addCodes(r, kind, mapped, took.Seconds())
		e.say("  built %s in %.1f s", kind, took.Seconds())
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	r.Add(result.Figure{Name: "index memory, vectors in memory: none", Unit: "bytes", Better: result.Lower,
		Value: float64(full)})
	curves, err := curvesInTurn(ctx, e, all, fewEfs)
	if err != nil {
		return err
	}
	r.Curves = curves
	for i := range curves {
		addSpeeds(r, &curves[i])
		if kinds[i] == codes.SQ8 {
			addSQ8Goals(r, &curves[i], float64(memory[codes.SQ8])/float64(full))
		}
		if kinds[i] == codes.Auto {
			r.Add(result.Figure{Name: "recall that auto loses beside full precision, at the same effort",
				Better: result.Lower, Value: loss(&curves[0], &curves[i]),
				Note:   "the most at any effort; two graphs by equal means differ by about 0.002",
				Target: &result.Target{Value: autoLoss, From: "aim of codes"}})
		}
	}
	r.Notes = append(r.Notes, "Vectors are mapped from a file, as a server has them after a start. What is mapped is "+
		"not counted as memory of the index: the system drops it when it needs the memory. Searches by codes read "+
		"the vectors of what they rank again.")
	e.sayFigures(r)
	return nil
}

// addCodes adds the figures of one setting and returns the bytes that are not
// mapped.
func addCodes(r *result.Run, kind codes.Kind, x *hnsw.Index, seconds float64) int64 {
	m := x.Memory()
	own := held(m) - m.Mapped
	name := kind.String()
	r.Add(result.Figure{Name: "build time: " + name, Unit: "s", Better: result.Lower, Value: seconds})
	r.Add(result.Figure{Name: "index memory, vectors mapped: " + name, Unit: "bytes", Better: result.Lower,
		Value: float64(own)})
	r.Add(result.Figure{Name: "codes: " + name, Unit: "bytes", Value: float64(m.Codes)})
	r.Add(result.Figure{Name: "bits of a code: " + name, Value: float64(m.Bits)})
	return own
}

func addSQ8Goals(r *result.Run, c *result.Curve, share float64) {
	r.Add(result.Figure{Name: "memory of sq8 with mapped vectors against full precision", Better: result.Lower,
		Value: share, Target: &result.Target{Value: sq8Share, From: "aim of eight-bit codes"}})
	r.Add(result.Figure{Name: "recall that sq8 reaches", Better: result.Higher, Value: best(c), Recall: best(c),
		Target: &result.Target{Value: recallGoals[1], From: "aim of eight-bit codes"}})
}

// loss is how much lower the recall of c is than that of full at the same effort, at
// most; below 0 where it is higher at every one.
func loss(full, c *result.Curve) float64 {
	most := math.Inf(-1)
	for i := range min(len(full.Points), len(c.Points)) {
		if full.Points[i].Ef == c.Points[i].Ef {
			most = max(most, full.Points[i].Recall-c.Points[i].Recall)
		}
	}
	return most
}
