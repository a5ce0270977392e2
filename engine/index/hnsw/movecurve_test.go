package hnsw

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/index"
	"github.com/vectorizer-go/vectorizer/engine/index/codes"
	"github.com/vectorizer-go/vectorizer/engine/index/indextest"
)

// drifter moves the vectors of a set a little at a time: each by a share of the
// distance to its tenth neighbour, in the direction from one row to another, so
// that the rows stay where data is.
type drifter struct {
	set   *indextest.Set
	r     *rand.Rand
	tenth []float64 // distance of each row to its tenth neighbour when it began
}

// newDrifter copies the vectors of the set, so that others keep theirs.
func newDrifter(set *indextest.Set, x *Index, seed uint64) *drifter {
	d := &drifter{set: set, r: rand.New(rand.NewPCG(seed, 3)), tenth: make([]float64, len(set.Base))}
	var hits []index.Hit
	for i, v := range set.Base {
		hits = x.Search(v, index.Params{K: 11, Ef: 32}, hits[:0])
		d.tenth[i] = euclid(v, set.Base[hits[len(hits)-1].Row])
		set.Base[i] = slices.Clone(v)
	}
	return d
}

// move moves row's vector by share of its scale and returns it.
func (d *drifter) move(row int, share float64) []float32 {
	v := d.set.Base[row]
	from, to := d.set.Base[d.r.IntN(len(d.set.Base))], d.set.Base[d.r.IntN(len(d.set.Base))]
	length := euclid(from, to)
	if length == 0 {
		return v
	}
	scale := float32(share * d.tenth[row] / length)
	next := make([]float32, len(v))
	for i := range v {
		next[i] = v[i] + scale*(to[i]-from[i])
	}
	if d.set.Metric == compute.Cosine {
		indextest.Normalize(next)
	}
	d.set.Base[row] = next
	return next
}

func euclid(a, b []float32) float64 {
	sum := 0.0
	for i, x := range a {
		sum += float64(x-b[i]) * float64(x-b[i])
	}
	return math.Sqrt(sum)
}

// TestMovesCurve prints what an update costs by how far the vector moves, and the
// recall after rounds of drift beside that of a fresh build of the same vectors,
// for the first part of a set that -curve names.
func TestMovesCurve(t *testing.T) {
	if *curveSets == "" {
		return
	}
	t.Run("once", func(t *testing.T) { newMoves(t).once() })
	for _, share := range []float64{0.5, 1, 2} {
		t.Run(fmt.Sprint("all", share), func(t *testing.T) { newMoves(t).all(share) })
	}
	for _, share := range []float64{0.1, 0.25} {
		t.Run(fmt.Sprint("drift", share), func(t *testing.T) { newMoves(t).drift(share) })
	}
}

// moves changes an index of a set in which every row is its own vector.
type moves struct {
	t   *testing.T
	cfg Config
	set *indextest.Set
	at  []int // row → vector of the set
	x   *Index
	d   *drifter
}

// newMoves builds the index, and shows what the last tenth of it costs.
func newMoves(t *testing.T) *moves {
	kind, ok := codes.ParseKind(*curveCodes)
	set, found, err := indextest.LoadLarge(*curveSets)
	if err != nil || !found || !ok {
		t.Fatal(found, ok, err)
	}
	set.Base = set.Base[:min(*curveRows, len(set.Base))]
	n := len(set.Base)
	m := &moves{t: t, set: set, cfg: Config{Quantization: kind, Dim: set.Dim, Metric: set.Metric}, at: make([]int, n)}
	for i := range m.at {
		m.at[i] = i
	}
	if m.x, err = New(m.cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.x.Close() })
	for row := range n - n/10 {
		m.put(row, set.Base[row])
	}
	m.x.Wait()
	m.show("insert the last tenth", n/10, func() {
		for row := n - n/10; row < n; row++ {
			m.put(row, set.Base[row])
		}
	})
	m.d = newDrifter(set, m.x, 1)
	return m
}

func (m *moves) put(row int, v []float32) {
	if err := m.x.Put(uint32(row), v); err != nil {
		m.t.Fatal(err)
	}
}

// show runs f, which changes n rows, and prints what it took and what is left of
// the recall.
func (m *moves) show(what string, n int, f func()) {
	start, cpu := time.Now(), cpuTime()
	before := m.x.near.Load()
	f()
	m.x.Wait()
	per := func(d time.Duration) float64 { return d.Seconds() * 1e6 / float64(n) }
	fmt.Printf("%-30s %6.1f us each, processor %6.1f, %3d %% near, recall", what,
		per(time.Since(start)), per(cpuTime()-cpu), int(m.x.near.Load()-before)*100/n)
	m.recall(m.x)
}

// recall prints the recall at several efforts.
func (m *moves) recall(x *Index) {
	exactTruth(m.t, m.set)
	for _, ef := range []int{10, 20, 32, 80} {
		fmt.Printf(" %.4f", recallAt(m.set, x, m.at, ef))
	}
	unreachable, wrong := reachable(x)
	mem := x.mem.Load()
	links := 0
	for row := range mem.rows.Load() {
		links += listLen(mem.links0(row))
	}
	fmt.Printf(", %.1f links, %d unreachable, %d miscounted\n", float64(links)/float64(x.Live()), unreachable, wrong)
}

// fresh prints the recall of an index that is built of the vectors as they are now.
func (m *moves) fresh() {
	y := build(m.t, m.set, m.cfg)
	defer y.Close()
	fmt.Printf("%-71s", "  a fresh build of these")
	m.recall(y)
}

// once changes a tenth of the rows in each of several ways.
func (m *moves) once() {
	n := len(m.set.Base)
	part := n / 10
	m.show("identical", n, func() {
		for row := range n {
			m.put(row, m.set.Base[row])
		}
	})
	for _, turn := range []int{part / 2, 1} {
		m.show(fmt.Sprintf("far: turned by %d", turn), 2*part, func() {
			for _, shift := range []int{turn, 0} {
				for row := range part {
					m.put(row, m.set.Base[(row+shift)%part])
				}
				m.x.Wait()
			}
		})
	}
	for _, share := range []float64{0.1, 0.25, 0.5, 1} {
		rows := m.d.r.Perm(n)[:part]
		m.show(fmt.Sprintf("moved by %g", share), part, func() { m.moveAll(rows, share) })
	}
	m.fresh()
	m.show("delete and insert elsewhere", part, func() {
		for row := range part {
			m.x.Delete(uint32(row))
			to, ok := m.x.TakeFree()
			if !ok {
				to = uint32(m.x.Rows())
				m.at = append(m.at, 0)
			}
			m.at[to] = row
			m.put(int(to), m.set.Base[row])
		}
	})
}

func (m *moves) moveAll(rows []int, share float64) {
	for _, row := range rows {
		m.put(row, m.d.move(row, share))
	}
}

// drift moves all rows in 20 rounds, and then a tenth of them in 20 more.
func (m *moves) drift(share float64) {
	n := len(m.set.Base)
	for _, part := range []int{n, n / 10} {
		for range 2 {
			rows := m.d.r.Perm(n)[:part]
			m.show(fmt.Sprintf("%d moved by %g, ten times", part, share), 10*part, func() {
				for range 10 {
					m.moveAll(rows, share)
				}
			})
		}
		m.fresh()
	}
}

// all moves every row once.
func (m *moves) all(share float64) {
	n := len(m.set.Base)
	rows := m.d.r.Perm(n)
	m.show(fmt.Sprintf("all moved by %g", share), n, func() { m.moveAll(rows, share) })
	m.fresh()
}
