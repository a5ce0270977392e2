package hnsw

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/index"
	"github.com/vectorizer-go/vectorizer/engine/index/codes"
	"github.com/vectorizer-go/vectorizer/engine/index/indextest"
)

// setEarly has walks end early by share, 0 for never.
func (x *Index) setEarly(share float32) { x.early.Store(math.Float32bits(share)) }

// TestEarlyEndsKeepRecall compares walks that end early by what insertions of real rows
// showed with those of the same index that do not. Of 2,000 neighbours 0.002 is chance.
func TestEarlyEndsKeepRecall(t *testing.T) {
	set := indextest.LoadSmall(t)
	for _, kind := range []codes.Kind{codes.None, codes.Auto} {
		x := build(t, set, Config{EfConstruction: 100, Quantization: kind, TrainRows: 2000})
		share := x.earlyShare()
		if share <= 0 {
			t.Fatalf("%v: walks never end early after %+v", kind, x.learned.hits)
		}
		for _, ef := range []int{10, 20, 32, 64, 128} {
			x.setEarly(0)
			want, all := recallAndWork(set, x, ef)
			x.setEarly(share)
			got, some := recallAndWork(set, x, ef)
			t.Logf("%v, share %.3f, ef %d: recall %.4f with %d distances, %.4f with %d", kind, share, ef, want, all,
				got, some)
			if got < want-0.005 || some >= all && ef >= 20 {
				t.Errorf("%v, ef %d: recall %.4f with %d distances, %.4f with %d", kind, ef, want, all, got, some)
			}
		}
	}
}

// recallAndWork is the recall of ten neighbours and how many distances all queries took.
func recallAndWork(set *indextest.Set, x *Index, ef int) (recall float64, distances int) {
	var tr index.Trace
	recall = indextest.Recall(set, 10, func(q []float32, dst []index.Hit) []index.Hit {
		dst = x.Search(q, index.Params{K: 10, Ef: ef, Trace: &tr}, dst)
		distances += tr.Distances
		return dst
	})
	return recall, distances
}

// TestEarlyEndsNotWhereTheyLose builds of normal vectors, among which distances grow fast:
// the share that loses nothing spares nothing.
func TestEarlyEndsNotWhereTheyLose(t *testing.T) {
	set := randomSet(t, 3000, 1, 16)
	x := build(t, set, Config{M: 8, EfConstruction: 100, Quantization: codes.SQ8, TrainRows: 500})
	l := &x.learned
	if l.walks < learnLeast {
		t.Fatalf("%g insertions were watched", l.walks)
	}
	if share := x.earlyShare(); share != 0 {
		t.Fatalf("share %.3f, neighbours found %v in %v distances", share, l.hits, l.distances)
	}
}

// TestWatchSeesWhatWalksFind watches searches with a long list and compares what was noted of
// each shorter walk with that walk.
func TestWatchSeesWhatWalksFind(t *testing.T) {
	set := indextest.LoadSmall(t)
	x := build(t, set, Config{EfConstruction: 100, Quantization: codes.SQ8, TrainRows: 2000})
	m, s := x.mem.Load(), x.scratch.Get().(*scratch)
	search := func(q []float32, ef, reach int, end early, watched bool) walk {
		w := x.newWalk(m, s)
		w.src.take(&s.query, q)
		w.early = end
		s.watch = earlyWatch{on: watched}
		s.beam.reset(ef)
		s.beam.reach = reach
		w.enter()
		w.spread(0)
		return w
	}
	for _, q := range set.Queries[:50] {
		w := search(q, 100, 60, early{}, true)
		w.learn()
		noted := s.watch
		for i := range learnWalks {
			end, ef := early{}, learnEf
			if i != learnPlain {
				end, ef = earlyOf(learnEf, earlyK, learnShares[i], x.zero()), learnEf*earlyWide/100
			}
			w := search(q, ef, math.MaxInt, end, false)
			var found []uint32
			for _, c := range s.beam.c[:earlyK] {
				found = append(found, c.row&rowMask)
			}
			if !slices.Equal(found, noted.found[i][:]) || w.tr.Distances != noted.distances[i] {
				t.Fatalf("walk %d found %v with %d distances, noted %v, %d", i, found, w.tr.Distances,
					noted.found[i], noted.distances[i])
			}
		}
	}
	w := search(set.Queries[0], 100, learnEf, early{}, true) // the last of the walks is cut short
	if !s.watch.on {
		t.Fatal("all of the walks ended")
	}
	if w.learn(); s.watch.on {
		t.Fatal("the next walk is watched too")
	}
}

// TestEarlyShare takes the choice of the share apart.
func TestEarlyShare(t *testing.T) {
	stats := func(plain float64, hits ...float64) *earlyStats {
		l := &earlyStats{walks: 100}
		for i := range learnPlain {
			l.hits[i], l.distances[i] = hits[i], float64(100*(i+1))
		}
		l.hits[learnPlain], l.distances[learnPlain] = plain, 1000
		return l
	}
	rising := []float64{900, 920, 940, 960, 980, 1000}
	const plain = 1000 - (1000-970-1000*learnLoss)/learnMiss // 970 are as many
	dear := stats(plain, rising...)
	dear.distances[learnPlain] = 400
	for name, c := range map[string]struct {
		l    *earlyStats
		want float32
	}{
		"the least is enough": {stats(800, rising...), learnShares[0]},
		"between two":         {stats(plain, rising...), (learnShares[3] + learnShares[4]) / 2},
		"none is enough":      {stats(960, 0, 0, 0, 0, 0, 950), 0},
		"as many distances":   {dear, 0},
		"all find all":        {stats(1000, 1000, 1000, 1000, 1000, 1000, 1000), learnShares[0]},
	} {
		if got := c.l.share(); math.Abs(float64(got-c.want)) > 1e-6 {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// TestEarlyForgets has insertions show one thing and then another.
func TestEarlyForgets(t *testing.T) {
	var l earlyStats
	near := make([]cand, earlyK)
	for i := range near {
		near[i].row = uint32(i)
	}
	show := func(enough int) (share float32, ok bool) {
		y := &earlyWatch{}
		for i := range y.found {
			y.distances[i] = 10 * (i + 1)
			for j := range y.found[i] {
				y.found[i][j] = uint32(j)
				if i < enough {
					y.found[i][j] = NoRow
				}
			}
		}
		return l.add(y, near)
	}
	for i := range 5 * learnMemory {
		share, ok := show(1)
		if ok != (i+1 >= learnLeast) {
			t.Fatalf("after %d walks: %v", i+1, ok)
		}
		if ok && !(share > learnShares[0] && share <= learnShares[1]) {
			t.Fatalf("share %v after %d walks", share, i+1)
		}
	}
	n := 0
	for share := float32(0); share <= learnShares[3]; n++ {
		share, _ = show(5)
	}
	if n > 40*learnMemory {
		t.Fatalf("forgotten after %d walks", n)
	}
}

// TestEarlyLimit takes the rule apart.
func TestEarlyLimit(t *testing.T) {
	list := func(k float32) *beam {
		return &beam{c: []cand{{dist: k / 2}, {dist: k}, {dist: 3 * k}}, shown: 3}
	}
	for name, c := range map[string]struct {
		e    early
		b    *beam
		want float32
	}{
		"on":                       {early{k: 2, list: 2, factor: 1.5, floor: 0.1}, list(1), 1.5},
		"list too short":           {early{k: 2, list: 4, factor: 1.5}, list(1), inf},
		"off":                      {early{k: 2, list: 2}, list(1), inf},
		"below the floor":          {early{k: 2, list: 2, factor: 1.5, floor: 0.125}, list(0.0625), 3 * 0.0625},
		"below it, nothing behind": {early{k: 2, list: 3, factor: 1.5, floor: 0.125}, list(0.0625), inf},
		"distances from -1":        {early{k: 2, list: 2, factor: 1.5, zero: 1}, list(-0.5), -0.25},
	} {
		if got := c.e.limit(c.b); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// TestEarlyOfImage finds the share again in an image, and refuses one that cannot be.
func TestEarlyOfImage(t *testing.T) {
	x, _ := randomIndexOf(t, 700, codedConfig(8))
	for _, c := range []struct {
		share float32
		ok    bool
	}{
		{0, true}, {0.0625, true}, {1, true}, {-0.0625, false}, {1.5, false}, {float32(math.NaN()), false},
		{inf, false},
	} {
		x.setEarly(c.share)
		y, err := openImage(t, codedConfig(8), writeImage(t, x))
		if (err == nil) != c.ok {
			t.Errorf("share %v: %v", c.share, err)
		}
		if err == nil && y.earlyShare() != c.share {
			t.Errorf("share %v became %v", c.share, y.earlyShare())
		}
	}
}

// TestEarlyEndsWhereTheyMay has other walks keep their list: of inner products, beside dead
// rows, with lists that are short or long.
func TestEarlyEndsWhereTheyMay(t *testing.T) {
	x, _ := randomIndexOf(t, 700, codedConfig(8))
	x.setEarly(0.1)
	for name, c := range map[string]struct {
		ef, k, want int
		dead        bool
	}{
		"may":       {ef: 32, k: 10, want: 48},
		"one row":   {ef: 20, k: 1, want: 30},
		"most":      {ef: 39, k: 30, want: 58},
		"all":       {ef: 38, k: 30, want: 38},
		"short":     {ef: 12, k: 1, want: 12},
		"long":      {ef: 512, k: 10, want: 512},
		"dead rows": {ef: 32, k: 10, want: 32, dead: true},
	} {
		w := x.newWalk(x.mem.Load(), x.scratch.Get().(*scratch))
		w.dead = c.dead
		if got := w.endEarly(c.ef, c.k); got != c.want || (w.early.factor > 0) != (got > c.ef) {
			t.Errorf("%s: a list of %d, %+v, want %d", name, got, w.early, c.want)
		}
	}
	for metric, watched := range map[compute.Metric]bool{compute.Dot: false, compute.L2: true} {
		cfg := codedConfig(8)
		cfg.Metric, cfg.EfConstruction = metric, 100
		z, _ := randomIndexOf(t, 2000, cfg)
		if z.learned.walks > 0 != watched {
			t.Errorf("%v: %g insertions were watched", metric, z.learned.walks)
		}
	}
}

// TestEarlyFloor descends in an insertion and in a search: both begin at the same row, so
// nothing ends early below the same distance.
func TestEarlyFloor(t *testing.T) {
	set := indextest.LoadSmall(t) // cosine: distances of the source begin at -1
	x := build(t, set, Config{EfConstruction: 100, Quantization: codes.SQ8, TrainRows: 2000})
	s := x.scratch.Get().(*scratch)
	floor := func(end early) float32 {
		w := x.newWalk(x.mem.Load(), s)
		w.src.take(&s.query, set.Queries[0])
		w.early = end
		s.beam.reset(learnEf)
		w.enter()
		return w.early.floor
	}
	inserting, searching := floor(early{}), floor(earlyOf(learnEf, earlyK, 0.1, x.zero()))
	if inserting != searching || inserting <= 0 {
		t.Fatalf("floor %g of an insertion, %g of a search", inserting, searching)
	}
}

// BenchmarkEarlyLimit is what each hop pays.
func BenchmarkEarlyLimit(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	list := &beam{shown: 48}
	for range 48 {
		list.c = append(list.c, cand{dist: r.Float32()})
	}
	e := earlyOf(32, 10, 0.1, 1)
	sum := float32(0)
	for b.Loop() {
		sum += e.limit(list)
	}
	if sum == 0 {
		b.Fatal("no limit")
	}
}
