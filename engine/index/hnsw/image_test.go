package hnsw

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/index"
	"github.com/vectorizer-go/vectorizer/engine/index/image"
	"github.com/vectorizer-go/vectorizer/engine/index/indextest"
)

// writeImage returns x's image.
func writeImage(tb testing.TB, x *Index) []byte {
	tb.Helper()
	var out bytes.Buffer
	w, err := image.NewWriter(&out)
	if err != nil {
		tb.Fatal(err)
	}
	if err := x.WriteImage(w); err != nil {
		tb.Fatal(err)
	}
	if _, err := w.Finish(); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

// openImage opens what writeImage returned, from a file when cfg maps it.
func openImage(tb testing.TB, cfg Config, b []byte) (*Index, error) {
	tb.Helper()
	var at io.ReaderAt = bytes.NewReader(b)
	if cfg.MapVectors {
		path := filepath.Join(tb.TempDir(), "image")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			tb.Fatal(err)
		}
		f, err := os.Open(path)
		if err != nil {
			tb.Fatal(err)
		}
		defer f.Close() // a mapping outlives it
		at = f
	}
	r, err := image.NewReader(at, int64(len(b)))
	if err != nil {
		return nil, err
	}
	x, err := OpenImage(cfg, r)
	if err == nil {
		tb.Cleanup(func() { x.Close() })
	}
	return x, err
}

// churned is an index with free, dead, pending and replaced rows, and what its
// rows hold.
func churned(tb testing.TB, rows, dim int) (*Index, map[uint32][]float32) {
	tb.Helper()
	x, r := randomIndex(tb, rows, dim)
	have := make(map[uint32][]float32)
	for row := range uint32(rows) {
		have[row] = slices.Clone(x.Vector(row))
	}
	for range rows / 4 {
		row := uint32(r.IntN(rows))
		x.Delete(row)
		delete(have, row)
	}
	x.Wait()
	for range rows / 8 {
		row := uint32(r.IntN(rows))
		if r.IntN(3) == 0 {
			x.Delete(row)
			delete(have, row)
			continue
		}
		have[row] = gauss(r, dim)
		if err := x.Put(row, have[row]); err != nil {
			tb.Fatal(err)
		}
	}
	return x, have
}

// checkHolds compares the index with what its rows should hold.
func checkHolds(tb testing.TB, x *Index, have map[uint32][]float32) {
	tb.Helper()
	if x.Live() != len(have) {
		tb.Fatalf("%d rows live, want %d", x.Live(), len(have))
	}
	for row, v := range have {
		if !x.Alive(row) || !slices.Equal(x.Vector(row), v) {
			tb.Fatalf("row %d is not what it should be", row)
		}
	}
	r := rand.New(rand.NewPCG(9, 9))
	found, all := 0, 0
	for range 50 {
		q := gauss(r, x.cfg.Dim)
		want := indextest.Nearest(compute.L2, q, have, 10)
		got := x.Search(q, index.Params{K: 10, Ef: 200}, nil)
		all += len(want)
		for _, h := range got {
			if slices.ContainsFunc(want, func(w index.Hit) bool { return w.Row == h.Row }) {
				found++
			}
		}
	}
	if found*10 < all*9 {
		tb.Fatalf("%d of %d nearest rows found", found, all)
	}
	x.work.mu.Lock()
	idle := x.idle()
	x.work.mu.Unlock()
	if !idle {
		return // counts move while lists change
	}
	_, wrong := reachable(x)
	if wrong != 0 { // a job may have begun since; at rest there is no excuse
		x.Wait()
		_, wrong = reachable(x)
	}
	if wrong != 0 {
		tb.Fatalf("%d rows with a wrong count of links", wrong)
	}
}

func TestImageRoundTrip(t *testing.T) {
	for _, rows := range []int{0, 1, 5, 64, 65, 700, 9000} {
		for _, mapped := range []bool{false, true} {
			x, have := churned(t, rows, 24)
			img := writeImage(t, x)
			y, err := openImage(t, Config{Dim: 24, Metric: compute.L2, M: 8, MapVectors: mapped}, img)
			if err != nil {
				t.Fatalf("%d rows: %v", rows, err)
			}
			if rows >= 9000 && mapped != (y.Memory().Mapped > 0) {
				t.Fatalf("mapped %v: %d bytes mapped", mapped, y.Memory().Mapped)
			}
			checkSame(t, y, have)
		}
	}
}

// checkSame checks an opened index as it is, after Wait, and after more changes.
func checkSame(t *testing.T, y *Index, have map[uint32][]float32) {
	t.Helper()
	if len(have) > 0 {
		checkHolds(t, y, have)
	}
	y.Wait()
	if y.Repair(false) != 0 || y.Pending() != 0 || y.Free() != y.Rows()-y.Live() {
		t.Fatalf("deleted %d, pending %d, free %d of %d rows, %d live", y.Repair(false), y.Pending(),
			y.Free(), y.Rows(), y.Live())
	}
	r := rand.New(rand.NewPCG(4, 4))
	for range 300 {
		row, ok := y.TakeFree()
		if !ok {
			row = uint32(y.Rows())
		}
		v := gauss(r, 24)
		if err := y.Put(row, v); err != nil {
			t.Fatal(err)
		}
		have[row] = v
	}
	y.Wait()
	checkHolds(t, y, have)
}

// An image that is written beside changes holds what was done before; repeating
// what came since gives the present state.
func TestImageBesideWrites(t *testing.T) {
	x, have := churned(t, 3000, 24)
	type change struct {
		row uint32
		vec []float32 // nil: delete
	}
	var mu sync.Mutex // guards log and stop
	var log []change
	stop := false
	var wg sync.WaitGroup
	started := make(chan struct{})
	wg.Go(func() {
		r := rand.New(rand.NewPCG(2, 2))
		for i := 0; ; i++ {
			c := change{row: uint32(r.IntN(4000))}
			if r.IntN(3) > 0 {
				c.vec = gauss(r, 24)
			}
			mu.Lock()
			if stop {
				mu.Unlock()
				return
			}
			log = append(log, c)
			if c.vec != nil {
				if err := x.Put(c.row, c.vec); err != nil {
					t.Error(err)
				}
			} else {
				x.Delete(c.row)
			}
			mu.Unlock()
			if i == 100 {
				close(started)
			}
		}
	})
	<-started
	for range 5 {
		mu.Lock()
		from := len(log)
		mu.Unlock()
		img := writeImage(t, x)
		mu.Lock()
		changes := slices.Clone(log)
		mu.Unlock()
		y, err := openImage(t, Config{Dim: 24, Metric: compute.L2, M: 8}, img)
		if err != nil {
			t.Fatal(err)
		}
		want := make(map[uint32][]float32)
		for row, v := range have {
			want[row] = v
		}
		for i, c := range changes {
			if c.vec != nil {
				want[c.row] = c.vec
			} else {
				delete(want, c.row)
			}
			if i < from {
				continue
			}
			if c.vec == nil {
				y.Delete(c.row)
			} else if err := y.Put(c.row, c.vec); err != nil {
				t.Fatal(err)
			}
		}
		checkHolds(t, y, want)
	}
	mu.Lock()
	stop = true
	mu.Unlock()
	wg.Wait()
}

func TestImageOfAnotherIndexIsRefused(t *testing.T) {
	x, _ := churned(t, 200, 24)
	img := writeImage(t, x)
	for _, cfg := range []Config{
		{Dim: 25, Metric: compute.L2, M: 8},
		{Dim: 24, Metric: compute.Dot, M: 8},
		{Dim: 24, Metric: compute.L2, M: 9},
	} {
		if _, err := openImage(t, cfg, img); !errors.Is(err, index.ErrCorrupt) {
			t.Fatalf("%+v: %v", cfg, err)
		}
	}
}

func TestDamagedImageIsRefused(t *testing.T) {
	x, _ := churned(t, 300, 24)
	img := writeImage(t, x)
	r := rand.New(rand.NewPCG(3, 3))
	cfg := Config{Dim: 24, Metric: compute.L2, M: 8}
	refused := 0
	for range 400 {
		bad := bytes.Clone(img)
		bad[r.IntN(len(bad))] ^= byte(1 + r.IntN(255))
		switch _, err := openImage(t, cfg, bad); {
		case errors.Is(err, index.ErrCorrupt):
			refused++
		case err != nil:
			t.Fatal(err)
		}
	}
	if refused < 250 { // the rest hit padding
		t.Fatalf("%d of 400 damaged images refused", refused)
	}
	for n := 0; n < len(img); n += 1009 {
		if _, err := openImage(t, cfg, img[:n]); !errors.Is(err, index.ErrCorrupt) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
}

// FuzzImage puts arbitrary sections behind right checksums: whatever is accepted
// must be safe to search, change and repair.
func FuzzImage(f *testing.F) {
	x, _ := churned(f, 150, 3)
	img := writeImage(f, x)
	r, err := image.NewReader(bytes.NewReader(img), int64(len(img)))
	if err != nil {
		f.Fatal(err)
	}
	var parts [5][]byte
	for i, name := range sectionNames {
		if parts[i], err = r.ReadAll(name, 1<<20); err != nil {
			f.Fatal(err)
		}
	}
	f.Add(parts[0], parts[1], parts[2], parts[3], parts[4])
	f.Fuzz(func(t *testing.T, a, b, c, d, e []byte) {
		tryParts(t, [5][]byte{a, b, c, d, e})
	})
}

var sectionNames = [5]string{sectionHead, sectionState, sectionVectors, sectionLinks, sectionUpper}

// tryParts makes an image of these sections. It reports whether it was accepted,
// and then uses it.
func tryParts(t *testing.T, parts [5][]byte) bool {
	var out bytes.Buffer
	w, err := image.NewWriter(&out)
	if err != nil {
		t.Fatal(err)
	}
	for i, data := range parts {
		err := w.Section(sectionNames[i], func(w io.Writer) error {
			_, err := w.Write(data)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	y, err := openImage(t, Config{Dim: 3, Metric: compute.L2, M: 8, MaxPending: 16}, out.Bytes())
	if err != nil {
		if !errors.Is(err, index.ErrCorrupt) {
			t.Fatal(err)
		}
		return false
	}
	useLoaded(t, y)
	return true
}

// useLoaded does everything with an index that may hold nonsense.
func useLoaded(t *testing.T, y *Index) {
	q := []float32{1, 2, 3}
	y.Search(q, index.Params{K: 5, Ef: 5}, nil)
	y.Search(q, index.Params{K: 5, Ef: 1000}, nil)
	for row := range uint32(20) {
		if row%2 == 0 {
			y.Delete(row)
		} else if err := y.Put(row, q); err != nil {
			t.Fatal(err)
		}
	}
	y.Wait()
	hits := y.Search(q, index.Params{K: 5, Ef: 20}, nil)
	if len(hits) == 0 {
		t.Fatal("nothing found among rows that were just put")
	}
}

// TestTornListInAnImage: what is read of a list while it is replaced may name a row
// twice, or a row that came after the image began; the image does neither.
func TestTornListInAnImage(t *testing.T) {
	s := &snapshot{rows: 10}
	got := make([]uint32, 6)
	s.copyList(got, []uint32{3, 4, 3, 11, 9, NoRow})
	if want := []uint32{3, 4, 9, NoRow, NoRow, NoRow}; !slices.Equal(got, want) {
		t.Errorf("%d, want %d", got, want)
	}
}
