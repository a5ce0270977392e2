package payload

import (
	"github.com/vectorizer-go/vectorizer/engine/filter"
)

// Estimate guesses how many of live rows match f, without building any set: from
// the numbers of rows that values have, and so rather too high than too low for
// conjunctions. It is not exact, not even for one condition, while values are
// shared by rows or rows hold many values.
func (x *Index) Estimate(f *filter.Filter, live int) int {
	if f.Empty() {
		return live
	}
	e := estimator{paths: x.known.Load(), live: live}
	return e.node(f.Root)
}

type estimator struct {
	paths *paths
	live  int
}

func (e estimator) node(n filter.Node) int {
	guess := e.live
	switch n := n.(type) {
	case *filter.And:
		for _, kid := range n.Of {
			guess = min(guess, e.node(kid))
		}
	case *filter.Or:
		guess = e.atLeast(n)
	case *filter.Not:
		guess = e.live - e.node(n.Of)
	case *filter.HasID:
		guess = len(n.IDs)
	default:
		guess = e.leaf(n)
	}
	return min(max(guess, 0), e.live)
}

// atLeast bounds a disjunction: if Min of the conditions must hold in each row,
// their rows together are used up Min at a time.
func (e estimator) atLeast(n *filter.Or) int {
	if n.Min <= 0 {
		return e.live
	}
	sum := 0
	for _, kid := range n.Of {
		sum += e.node(kid)
	}
	return sum / n.Min
}

func (e estimator) leaf(n filter.Node) int {
	var at place
	var count func(g *generation) int
	switch n := n.(type) {
	case *filter.Match:
		at = e.paths.find(n.Key)
		count = func(g *generation) int { return g.countMatch(n.In) }
	case *filter.Except:
		at = e.paths.find(n.Key)
		count = func(g *generation) int { return g.rows(flagFilled) - g.countMatch(n.Of) }
	case *filter.Text:
		at = e.paths.find(n.Key)
		count = func(g *generation) int { return g.rows(flagFilled) / 2 }
	case *filter.Range:
		at = e.paths.find(n.Key)
		count = func(g *generation) int { return g.share(g.nums.span(rangeEnds(n))) }
	case *filter.TimeRange:
		at = e.paths.find(n.Key)
		count = func(g *generation) int { return g.share(g.times.span(timeEnds(n))) }
	case *filter.IsNull:
		at = e.paths.find(n.Key)
		count = func(g *generation) int { return g.rows(flagNull) }
	case *filter.IsEmpty:
		if at = e.paths.find(n.Key); at.absent {
			return e.live
		}
		count = func(g *generation) int { return e.live - g.rows(flagFilled) }
	default:
		return e.live
	}
	switch {
	case at.absent:
		return 0
	case at.gen == nil:
		return e.live
	}
	return count(at.gen) + at.gen.rows(flagOverflow)
}

func (g *generation) rows(id uint32) int { return int(g.dict.entry(id).rows.Load()) }

func (g *generation) countMatch(in []filter.Value) int {
	sum := 0
	for _, v := range in {
		switch v.Kind {
		case filter.KindString:
			if len(v.Str) > MaxStringBytes {
				sum += g.rows(flagLong)
			} else if id, ok := g.dict.findString([]byte(v.Str)); ok {
				sum += g.rows(id)
			}
		case filter.KindNumber:
			bits, form := v.Num.Bits()
			if id, ok := g.dict.findBits(kindNumber, form, bits); ok {
				sum += g.rows(id)
			}
		case filter.KindBool:
			flag := uint32(flagFalse)
			if v.Bool {
				flag = flagTrue
			}
			sum += g.rows(flag)
		}
	}
	return sum
}

// share takes every value of the column to have equally many rows.
func (g *generation) share(values int) int {
	all := int(g.dict.count.Load()) - numFlags
	if all <= 0 || values == 0 {
		return 0
	}
	return int(float64(g.rows(flagFilled)) * min(1, float64(values)/float64(all)))
}
