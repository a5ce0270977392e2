package filteredtest

import (
	"fmt"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// minRecall is what filtered search promises at 10 results and the default ef.
const minRecall = 0.95

// filters returns filters by share of rows. "alike" filters let whole clusters through,
// so that matching rows lie together; "apart" ones let through clusters that the
// query is not in, so that the search starts where nothing matches.
func filters(queryCluster int) []struct{ name, text string } {
	side, band, other := queryCluster < clusters/2, queryCluster/10, (queryCluster+37)%clusters
	return []struct{ name, text string }{
		{"50 %", `{"half":1}`},
		{"10 %", `{"tenth":"v3"}`},
		{"1 %", `{"hundredth":42}`},
		{"0.1 %", `{"thousandth":"t42"}`},
		{"10 % by range", `{"key":"score","range":{"gte":0.3,"lt":0.4}}`},
		{"90 % by exclusion", `{"must_not":[{"key":"tenth","match":{"value":"v3"}}]}`},
		{"50 % alike", fmt.Sprintf(`{"side":%v}`, side)},
		{"50 % apart", fmt.Sprintf(`{"side":%v}`, !side)},
		{"10 % alike", fmt.Sprintf(`{"band":"b%d"}`, band)},
		{"10 % apart", fmt.Sprintf(`{"band":"b%d"}`, (band+3)%10)},
		{"1 % alike", fmt.Sprintf(`{"cluster":%d}`, queryCluster)},
		{"1 % apart", fmt.Sprintf(`{"cluster":%d}`, other)},
		{"0.1 % apart", fmt.Sprintf(`{"must":[{"key":"cluster","match":{"value":%d}},
			{"key":"tenth","match":{"value":"v3"}}]}`, other)},
		{"by payload only", `{"must":[{"nested":{"key":"missing","filter":{}}}],"should":[]}`},
		{"in doubt", `{"must":[{"key":"tags[0]","match":{"any":["x1","x2","x3","x4","x5"]}}]}`},
		{"none", `{"tenth":"nothing"}`},
	}
}

// TestRecallBySelectivity reports and checks recall@10, and that no reply is
// short, for every filter of filters.
func TestRecallBySelectivity(t *testing.T) {
	for _, metric := range []compute.Metric{compute.L2, compute.Cosine, compute.Dot} {
		t.Run(fmt.Sprint("metric ", metric), func(t *testing.T) {
			rows, queries := 8000, 20
			if metric == compute.L2 {
				rows = 24000 // more plans are graphs
			}
			w := newWorld(t, metric, rows, 24, uint64(metric))
			measure(t, w, queries, minRecall)
		})
	}
}

// measure searches with every filter and checks the mean recall of each.
func measure(t *testing.T, w *world, queries int, least float64) {
	t.Helper()
	sum, matching := map[string]float64{}, map[string]int{}
	plans := map[string]map[string]int{}
	var names []string
	for i := range queries {
		c := w.rnd.IntN(clusters)
		q := w.gauss(w.centre[c], 0.35)
		for _, f := range filters(c) {
			o := w.search(t, engine.SearchRequest{Vector: q, K: 10, Filter: parse(t, f.text)})
			if i == 0 {
				names = append(names, f.name)
				plans[f.name] = map[string]int{}
			}
			sum[f.name] += o.recall
			matching[f.name] += o.matching
			plans[f.name][o.plan]++
		}
	}
	graphs := 0
	for _, name := range names {
		recall := sum[name] / float64(queries)
		t.Logf("%-18s recall@10 %.4f, matching %6d, plans %v", name, recall, matching[name]/queries, plans[name])
		if recall < least {
			t.Errorf("%s: recall@10 %.4f, want at least %.2f", name, recall, least)
		}
		graphs += plans[name]["filtered_graph"]
	}
	if graphs == 0 {
		t.Error("no search walked the graph: nothing was tested but scans")
	}
}

// TestNeverShort asks for as many results as match, for more, and for pages.
func TestNeverShort(t *testing.T) {
	w := newWorld(t, compute.L2, 8000, 16, 7)
	for range 6 {
		c := w.rnd.IntN(clusters)
		q := w.gauss(w.centre[c], 0.35)
		for _, f := range filters(c) {
			flt := parse(t, f.text)
			for _, k := range []int{1, 100, 1000, 9000} {
				w.search(t, engine.SearchRequest{Vector: q, K: k, Filter: flt})
			}
			for _, offset := range []int{5, 500, 20000} {
				w.search(t, engine.SearchRequest{Vector: q, K: 20, Offset: offset, Filter: flt})
			}
			o := w.search(t, engine.SearchRequest{Vector: q, K: 50, Filter: flt, Exact: true})
			if o.recall != 1 {
				t.Errorf("%s: exact search has recall %.4f", f.name, o.recall)
			}
			w.search(t, engine.SearchRequest{Vector: q, K: 10, Ef: 1, Filter: flt})
		}
	}
}

// TestAfterChanges deletes, updates in place and inserts, and expects the same
// recall and complete replies while rows wait to be linked and afterwards.
func TestAfterChanges(t *testing.T) {
	w := newWorld(t, compute.L2, 9000, 16, 11)
	var ops []engine.Op
	change := func() {
		id := fmt.Sprint("id", w.rnd.IntN(9000))
		if w.rnd.IntN(3) == 0 {
			if w.rows[id] == nil {
				return
			}
			delete(w.rows, id)
			ops = append(ops, engine.Op{Kind: engine.OpDelete, ID: id})
		} else {
			ops = append(ops, w.newRow(id))
		}
		if len(ops) == 200 {
			w.write(t, ops)
			ops = ops[:0]
		}
	}
	for round := range 3 {
		for range 2400 {
			change()
		}
		w.write(t, ops)
		ops = ops[:0]
		for range 3 { // rows may still wait to be linked
			c := w.rnd.IntN(clusters)
			for _, f := range filters(c) {
				w.search(t, engine.SearchRequest{Vector: w.gauss(w.centre[c], 0.35), K: 10, Filter: parse(t, f.text)})
			}
		}
		w.settle(t)
		t.Logf("after %d changes", (round+1)*2400)
		measure(t, w, 8, minRecall-0.03) // few queries: leave room for their spread
	}
}
