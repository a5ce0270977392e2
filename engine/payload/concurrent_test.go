package payload

import (
	"bytes"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/vectorizer-go/vectorizer/engine/filter"
)

func parse(t testing.TB, text string) *filter.Filter {
	t.Helper()
	f, err := filter.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestReadersNeverMissARow changes rows between two payloads that both match a
// filter, though by different conditions: no reader may miss one. Rows that never
// match must never be certain.
func TestReadersNeverMissARow(t *testing.T) {
	const rows = 300
	x, live := New(nil), roaring.New()
	live.AddRange(0, rows)
	payloads := [2][]byte{[]byte(`{"a":1,"b":0,"odd":"x"}`), []byte(`{"a":0,"b":1,"odd":"y"}`)}
	never := []byte(`{"a":0,"b":0,"odd":"x"}`)
	for row := range uint32(rows) {
		p := payloads[row%2]
		if row%3 == 0 {
			p = never
		}
		x.Set(row, p)
	}
	f := parse(t, `{"should":[{"key":"a","match":{"value":1}},{"key":"b","range":{"gte":1}}]}`)
	var stop atomic.Bool
	var readers sync.WaitGroup
	var selections atomic.Int64
	for range 3 {
		readers.Go(func() {
			for !stop.Load() {
				s := x.Select(f, live, rowOf)
				selections.Add(1)
				for row := range uint32(rows) {
					if in := s.Bitmap.Contains(row); row%3 != 0 && !in {
						t.Errorf("row %d missed", row)
						return
					} else if sure := in && (s.Verify == nil || !s.Verify.Contains(row)); row%3 == 0 && sure {
						t.Errorf("row %d certain", row)
						return
					}
				}
			}
		})
	}
	for i := 0; i < 30000 || selections.Load() < 50; i++ {
		row := uint32(i % rows)
		if row%3 != 0 {
			x.Set(row, payloads[(i/rows+int(row))%2])
		} else { // change something else
			x.Set(row, bytes.Replace(never, []byte("x"), fmt.Append(nil, i%7), 1))
		}
	}
	stop.Store(true)
	readers.Wait()
}

// TestUnusedValuesGo checks that values which no row has any more are given up,
// beside readers, and that the rows keep what they have.
func TestUnusedValuesGo(t *testing.T) {
	const rows = 500
	g, m, x := newGenerator(5), newModel(), New(nil)
	var stop atomic.Bool
	var readers sync.WaitGroup
	f := parse(t, `{"key":"t","range":{"gte":0}}`)
	live := roaring.New()
	live.AddRange(0, rows)
	for row := range uint32(rows) {
		x.Set(row, []byte(`{"t":1}`))
	}
	readers.Go(func() {
		for !stop.Load() {
			if n := x.Select(f, live, rowOf).Bitmap.GetCardinality(); n != rows {
				t.Errorf("%d rows, want %d", n, rows)
				return
			}
		}
	})
	set := func(i int) {
		row := uint32(g.IntN(rows))
		p := fmt.Sprintf(`{"t":%d,"name":"n%d","tags":["t%d","t%d"],"fix":%d}`, i, i, i, i/3, g.IntN(3))
		x.Set(row, []byte(p))
		m.set(row, p)
	}
	for i := range 5000 {
		set(i)
	}
	first := x.MemoryBytes()
	for i := range 30000 {
		set(5000 + i)
	}
	stop.Store(true)
	readers.Wait()
	if now := x.MemoryBytes(); now > first*2 {
		t.Errorf("%d bytes after six times the changes, %d before", now, first)
	}
	for range 50 {
		n := g.IntN(35000)
		m.check(t, x, fmt.Sprintf(`{"key":"t","range":{"gte":%d,"lt":%d}}`, n, n+2000))
		m.check(t, x, fmt.Sprintf(`{"should":[{"key":"name","match":{"value":"n%d"}},
			{"key":"tags","match":{"value":"t%d"}}]}`, n, n))
		m.check(t, x, `{"fix":1}`)
	}
}

// TestWideRanges compares ranges over columns with many values, single and
// several to a row, numbers and times, with the truth, through changes.
func TestWideRanges(t *testing.T) {
	g, m, x := newGenerator(10), newModel(), New(nil)
	const rows = 4000
	set := func(row uint32, several bool) {
		n := g.Float64()*2000 - 1000
		us := int64(g.IntN(1 << 50))
		p := fmt.Sprintf(`{"n":%.4f,"big":%d,"at":%q}`, n, uint64(1)<<63+uint64(g.IntN(10000)),
			time.UnixMicro(us).UTC().Format(time.RFC3339Nano))
		if several {
			p = fmt.Sprintf(`{"n":[%.4f,%.4f],"at":["x",%q]}`, n, -n, time.UnixMicro(us).UTC().Format(time.RFC3339Nano))
		}
		if g.IntN(10) == 0 {
			p = `{"n":"none"}`
		}
		x.Set(row, []byte(p))
		m.set(row, p)
	}
	check := func(x *Index) {
		for range 12 {
			low := g.Float64()*2000 - 1000
			m.check(t, x, fmt.Sprintf(`{"key":"n","range":{"gte":%.4f,"lt":%.4f}}`, low, low+g.Float64()*1500))
			m.check(t, x, fmt.Sprintf(`{"key":"n","range":{"gt":%.4f}}`, low))
			at := time.UnixMicro(int64(g.IntN(1 << 50))).UTC().Format(time.RFC3339Nano)
			m.check(t, x, fmt.Sprintf(`{"key":"at","range":{%q:%q}}`, g.pick("gt", "gte", "lt", "lte"), at))
			m.check(t, x, fmt.Sprintf(`{"key":"big","range":{%q:%d}}`, g.pick("gt", "gte", "lt", "lte"),
				uint64(1)<<63+uint64(g.IntN(10000))))
		}
	}
	for row := range uint32(rows) {
		set(row, false)
	}
	c := x.known.Load().byPath["n"].gen.Load()
	if c.nums.byRow.Load() == nil {
		t.Fatal("no column by row")
	}
	check(x)
	for range 3000 {
		set(uint32(g.IntN(rows)), false)
	}
	check(x)
	y, err := ReadFrom(bytes.NewReader(imageOf(t, x)), nil, rows)
	if err != nil {
		t.Fatal(err)
	}
	check(y)
	for range 50 {
		set(uint32(g.IntN(rows)), true)
	}
	if x.known.Load().byPath["n"].gen.Load().nums.byRow.Load().many.Load() == 0 {
		t.Fatal("no row with several numbers")
	}
	check(x)
	for row := range uint32(rows) {
		if row%3 != 0 {
			x.Clear(row)
			m.clear(row)
		}
	}
	check(x)
}

// TestLargeRows passes rows between sizes of entries, with more values than are
// indexed.
func TestLargeRows(t *testing.T) {
	g, m, x := newGenerator(6), newModel(), New(nil)
	for range 600 {
		row := uint32(g.IntN(20))
		b := []byte(`{"k":[0`)
		for range g.IntN(400) {
			b = fmt.Appendf(b, ",%d", g.IntN(100000))
		}
		b = append(b, `]}`...)
		if g.IntN(4) == 0 {
			b = []byte(`{}`)
		}
		x.Set(row, b)
		m.set(row, string(b))
	}
	for range 100 {
		n := g.IntN(100000)
		m.check(t, x, fmt.Sprintf(`{"key":"k","range":{"gte":%d,"lt":%d}}`, n, n+3000))
	}
}

func TestPathLimit(t *testing.T) {
	m, x := newModel(), New(nil)
	for i := range 200 {
		p := fmt.Sprintf(`{"k%d":%d,"all":1,"o":{"p%d":true}}`, i, i, i)
		x.Set(uint32(i), []byte(p))
		m.set(uint32(i), p)
	}
	if n := len(x.Paths()); n != MaxAutoPaths {
		t.Errorf("%d paths, want %d", n, MaxAutoPaths)
	}
	if s := m.check(t, x, `{"k3":3}`); !s.Exact || !s.Indexed {
		t.Errorf("an indexed path: %+v", s)
	}
	if s := m.check(t, x, `{"k150":150}`); s.Exact || s.Indexed {
		t.Errorf("a path beyond the limit: exact %v, indexed %v", s.Exact, s.Indexed)
	}
	m.check(t, x, `{"must_not":[{"key":"k150","match":{"value":150}}]}`)
	if s := m.check(t, New([]string{}), `{"all":1}`); s.Indexed {
		t.Error("an index of no paths says that it helped")
	}
}

// TestPostingSizes takes one value through all forms of a posting.
func TestPostingSizes(t *testing.T) {
	g, m, x := newGenerator(8), newModel(), New(nil)
	const rows = 5000
	perm := g.Perm(rows)
	for i, row := range perm {
		x.Set(uint32(row), []byte(`{"v":"x"}`))
		m.set(uint32(row), `{"v":"x"}`)
		if i < 40 || i%97 == 0 {
			m.check(t, x, `{"v":"x"}`)
		}
	}
	for i, row := range perm {
		x.Clear(uint32(row))
		m.clear(uint32(row))
		if i > rows-40 || i%97 == 0 {
			m.check(t, x, `{"v":"x"}`)
		}
	}
}

func TestSmallIndexIsSmall(t *testing.T) {
	x := New(nil)
	x.Set(0, []byte(`{"a":1,"b":"x"}`))
	x.Set(1, []byte(`{"a":2,"b":"y"}`))
	if n := x.MemoryBytes(); n > 16<<10 {
		t.Errorf("two rows of two fields take %d bytes", n)
	}
}
