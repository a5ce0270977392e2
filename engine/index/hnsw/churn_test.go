package hnsw

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vectorizer-go/vectorizer/engine/index"
	"github.com/vectorizer-go/vectorizer/engine/index/indextest"
)

// TestChurnCurve prints curves (-curve names a set) before and after changes of
// every row, on the first part of the set.
func TestChurnCurve(t *testing.T) {
	if *curveSets == "" {
		return
	}
	set, ok, err := indextest.LoadLarge(*curveSets)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	set.Base = set.Base[:min(*curveRows, len(set.Base))]
	exactTruth(t, set)
	c := &churn{t: t, set: set, r: rand.New(rand.NewPCG(1, 1))}
	fresh := c.begin("build")
	c.x = fresh
	c.step("update all", len(c.at), func() { c.updateAll(c.r.Perm(c.x.Live())) })
	if testing.Short() {
		return
	}
	c.step("update all again", len(c.at), func() { c.updateAll(c.r.Perm(c.x.Live())) })
	c.begin("build")
	half := c.r.Perm(len(c.at))[:len(c.at)/2]
	c.step("delete, reinsert half in batches", len(half), func() { c.reinsert(half, len(c.at)/50) })
	c.step("update all", len(c.at), func() { c.updateAll(c.r.Perm(c.x.Live())) })
	c.begin("build")
	c.step("delete and put half, same rows", len(half), func() { c.replace(half, 500) })
}

// exactTruth sets the truth of a set whose base was cut.
func exactTruth(tb testing.TB, set *indextest.Set) {
	x, err := New(Config{Dim: set.Dim, Metric: set.Metric})
	if err != nil {
		tb.Fatal(err)
	}
	defer x.Close()
	for i, v := range set.Base {
		m, err := x.ensure(uint32(i))
		if err != nil {
			tb.Fatal(err)
		}
		storeVector(m.vector(uint32(i)), v)
		setBit(&m.groups[i>>6].alive, uint32(i))
	}
	for i, q := range set.Queries {
		set.Truth[i] = nil
		for _, h := range x.Search(q, index.Params{K: len(set.Base), Ef: MaxEf}, nil)[:100] {
			set.Truth[i] = append(set.Truth[i], h.Row)
		}
	}
}

// churn changes an index of a set in the ways that users do.
type churn struct {
	t   *testing.T
	set *indextest.Set
	r   *rand.Rand
	x   *Index
	at  []int // row → vector of the set
}

func (c *churn) begin(what string) *Index {
	start, cpu := time.Now(), cpuTime()
	c.x = build(c.t, c.set, Config{})
	c.at = make([]int, len(c.set.Base))
	for i := range c.at {
		c.at[i] = i
	}
	c.show(what, start, cpu, len(c.at))
	return c.x
}

func (c *churn) step(what string, n int, f func()) {
	start, cpu := time.Now(), cpuTime()
	f()
	c.x.Wait()
	c.show(what, start, cpu, n)
}

func (c *churn) put(row uint32, vec int) {
	c.at[row] = vec
	if err := c.x.Put(row, c.set.Base[vec]); err != nil {
		c.t.Fatal(err)
	}
}

func (c *churn) updateAll(perm []int) {
	var rows []int
	for row, v := range c.at {
		if v >= 0 {
			rows = append(rows, row)
		}
	}
	old := slices.Clone(c.at)
	for _, i := range perm {
		c.put(uint32(rows[i]), old[rows[perm[i]]])
	}
}

// reinsert deletes batches of rows and puts their vectors into freed rows.
func (c *churn) reinsert(rows []int, batch int) {
	for part := range slices.Chunk(rows, batch) {
		var vecs []int
		for _, row := range part {
			vecs = append(vecs, c.at[row])
			c.x.Delete(uint32(row))
			c.at[row] = -1
		}
		for _, v := range vecs {
			row, ok := c.x.TakeFree()
			if !ok {
				row = uint32(c.x.Rows())
				c.at = append(c.at, 0)
			}
			c.put(row, v)
		}
	}
}

func (c *churn) replace(rows []int, batch int) {
	for part := range slices.Chunk(rows, batch) {
		for _, row := range part {
			c.x.Delete(uint32(row))
		}
		for _, row := range part {
			c.put(uint32(row), c.at[row])
		}
	}
}

func (c *churn) show(what string, start time.Time, cpu time.Duration, n int) {
	took := time.Since(start).Seconds() * 1e6 / float64(n)
	fmt.Printf("%-34s %6.0f µs each, %6.0f of processor, recall", what, took,
		(cpuTime()-cpu).Seconds()*1e6/float64(n))
	for _, ef := range []int{10, 20, 40, 80, 160} {
		fmt.Printf(" %.4f", recallAt(c.set, c.x, c.at, ef))
	}
	unreachable, wrong := reachable(c.x)
	m := c.x.mem.Load()
	links := 0
	for row := range m.rows.Load() {
		links += listLen(m.links0(row))
	}
	fmt.Printf(", %.1f links a row, %d of %d unreachable, %d miscounted\n",
		float64(links)/float64(c.x.Live()), unreachable, m.rows.Load(), wrong)
}

// recallAt is the recall when row r holds vector at[r].
func recallAt(set *indextest.Set, x *Index, at []int, ef int) float64 {
	return indextest.Recall(set, 10, func(q []float32, dst []index.Hit) []index.Hit {
		dst = x.Search(q, index.Params{K: 10, Ef: ef}, dst)
		for i := range dst {
			dst[i].Row = uint32(at[dst[i].Row])
		}
		return dst
	})
}

// reachable counts the live rows that layer 0 does not lead to from the entry,
// and the rows whose count of links is wrong.
func reachable(x *Index) (unreachable, wrong int) {
	m := x.mem.Load()
	rows := m.rows.Load()
	seen := make([]bool, rows)
	in := make([]int, rows)
	for r := range rows {
		for _, to := range appendLinks(nil, m.links0(r)) {
			in[to]++
		}
	}
	queue := []uint32{}
	if e := x.entry.Load(); e != noEntry {
		queue = append(queue, uint32(e))
		seen[uint32(e)] = true
	}
	for len(queue) > 0 {
		r := queue[0]
		queue = queue[1:]
		for _, to := range appendLinks(nil, m.links0(r)) {
			if !seen[to] {
				seen[to] = true
				queue = append(queue, to)
			}
		}
	}
	for r := range rows {
		if m.isAlive(r) && !seen[r] {
			unreachable++
		}
		word, shift := m.inCount(r)
		if n := int(atomic.LoadUint32(word) >> shift & 255); n != manyLinks && n != in[r] {
			wrong++
		}
	}
	return unreachable, wrong
}
