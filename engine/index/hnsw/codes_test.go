package hnsw

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/index"
	"github.com/vectorizer-go/vectorizer/engine/index/codes"
	"github.com/vectorizer-go/vectorizer/engine/index/image"
)

func codedConfig(dim int) Config {
	return Config{Dim: dim, Metric: compute.L2, M: 8, EfConstruction: 64, Quantization: codes.SQ8, TrainRows: 100}
}

// TestCodesInImage reads codes back, trains anew where there are none, and leaves
// them where they are not wanted.
func TestCodesInImage(t *testing.T) {
	x, r := randomIndexOf(t, 700, codedConfig(20))
	img := writeImage(t, x)
	y, err := openImage(t, codedConfig(20), img)
	if err != nil {
		t.Fatal(err)
	}
	was, is := x.mem.Load().codes.Load(), y.mem.Load().codes.Load()
	if is == nil || !slices.Equal(is.bytes[:700*is.stride], was.bytes[:700*was.stride]) {
		t.Fatal("other codes came back, or none")
	}
	plain := codedConfig(20)
	plain.Quantization = codes.None
	z, err := openImage(t, plain, img)
	if err != nil {
		t.Fatal(err)
	}
	if z.mem.Load().codes.Load() != nil || z.Memory().Codes != 0 {
		t.Fatal("codes that nobody wants")
	}
	again, err := openImage(t, codedConfig(20), writeImage(t, z))
	if err != nil {
		t.Fatal(err)
	}
	again.Wait()
	if again.Memory().Codes == 0 {
		t.Fatal("no codes were made for an image without")
	}
	q := gauss(r, 20)
	p := index.Params{K: 10, Ef: 60}
	if a, b := x.Search(q, p, nil), y.Search(q, p, nil); !slices.Equal(a, b) {
		t.Fatalf("%v before, %v after", a, b)
	}
}

// TestMutatedCodes changes bytes of the model and the codes behind right checksums:
// the image is refused, or serves.
func TestMutatedCodes(t *testing.T) {
	x, r := randomIndexOf(t, 300, codedConfig(6))
	img := writeImage(t, x)
	read, err := image.NewReader(bytes.NewReader(img), int64(len(img)))
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(12, 12))
	refused := 0
	for range 200 {
		changed := rewrite(t, read, func(name string, b []byte) []byte {
			if name != sectionModel && name != sectionCodes {
				return b
			}
			if rnd.IntN(8) == 0 {
				return b[:rnd.IntN(len(b))]
			}
			b[rnd.IntN(min(len(b), 64))] = byte(rnd.Uint32())
			return b
		})
		y, err := openImage(t, codedConfig(6), changed)
		if err != nil {
			if !errors.Is(err, index.ErrCorrupt) {
				t.Fatal(err)
			}
			refused++
			continue
		}
		y.Wait()
		y.Search(gauss(r, 6), index.Params{K: 5, Ef: 20}, nil)
	}
	if refused == 0 {
		t.Fatal("every change was accepted")
	}
}

// rewrite returns the image with every section passed through change.
func rewrite(tb testing.TB, r *image.Reader, change func(name string, b []byte) []byte) []byte {
	tb.Helper()
	var out bytes.Buffer
	w, err := image.NewWriter(&out)
	if err != nil {
		tb.Fatal(err)
	}
	for _, s := range r.Sections() {
		b, err := r.ReadAll(s.Name, s.Len)
		if err != nil {
			tb.Fatal(err)
		}
		b = change(s.Name, b)
		err = w.Section(s.Name, func(w io.Writer) error {
			_, err := w.Write(b)
			return err
		})
		if err != nil {
			tb.Fatal(err)
		}
	}
	if _, err := w.Finish(); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

// TestDriftTrainsAnew replaces all rows by others in other directions.
func TestDriftTrainsAnew(t *testing.T) {
	const dim, rows = 96, 1500
	cfg := codedConfig(dim)
	x, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.Close() })
	r := rand.New(rand.NewPCG(3, 3))
	// Rows vary in the first components, later in the last ones.
	draw := func(from int) []float32 {
		v := make([]float32, dim)
		for i := from; i < from+8; i++ {
			v[i] = float32(r.NormFloat64())
		}
		return v
	}
	put := func(from int) {
		for row := range uint32(rows) {
			if err := x.Put(row, draw(from)); err != nil {
				t.Fatal(err)
			}
		}
		x.Wait()
	}
	put(0)
	first := x.mem.Load().codes.Load()
	if first == nil || first.stride != 64 {
		t.Fatal("no narrow codes")
	}
	put(88)
	if x.mem.Load().codes.Load().model == first.model {
		t.Fatal("the model of other rows is still in use")
	}
	found := 0
	for range 50 {
		row := uint32(r.IntN(rows))
		hits := x.Search(x.Vector(row), index.Params{K: 1, Ef: 16}, nil)
		if len(hits) == 1 && hits[0].Dist == 0 {
			found++
		}
	}
	// Two linkers make another graph each time, and 16 places hold 47 to 50. The codes of
	// the first model would lead nowhere.
	if found < 44 {
		t.Fatalf("%d of 50 rows found", found)
	}
}

// TestAutoLetsGo has rows that codes fit, and then others that none do.
func TestAutoLetsGo(t *testing.T) {
	cfg := codedConfig(4)
	cfg.Quantization = codes.Auto
	x, r := randomIndexOf(t, 1200, cfg)
	if x.Memory().Codes == 0 {
		t.Fatal("codes that fit were not taken")
	}
	for row := range uint32(20000) {
		if err := x.Put(row, farPair(r, row)); err != nil {
			t.Fatal(err)
		}
	}
	x.Wait()
	if x.Memory().Codes != 0 {
		t.Fatal("codes were kept although they tell nothing apart")
	}
	if hits := x.Search(x.Vector(77), index.Params{K: 1, Ef: 64}, nil); len(hits) != 1 || hits[0].Dist > 1e-6 {
		t.Fatal(hits) // a row of the other group is 10^6 away
	}
}

// farPair draws a vector of one of two far groups of very near ones.
func farPair(r *rand.Rand, row uint32) []float32 {
	v := gauss(r, 4)
	for i := range v {
		v[i] *= 1e-4
	}
	if row%2 == 0 {
		v[0] += 1000
	}
	return v
}

// TestAutoRefuses has rows that no code of eight bits tells apart: pairs far closer
// than the step.
func TestAutoRefuses(t *testing.T) {
	cfg := codedConfig(4)
	cfg.Quantization = codes.Auto
	x, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.Close() })
	r := rand.New(rand.NewPCG(4, 4))
	for row := range uint32(2000) {
		if err := x.Put(row, farPair(r, row)); err != nil {
			t.Fatal(err)
		}
	}
	x.Wait()
	if x.Memory().Codes != 0 {
		t.Fatal("codes were taken although they tell nothing apart")
	}
}

// TestRequantize changes the kind of codes beside searches and writes, and from one
// to the next before the first is made.
func TestRequantize(t *testing.T) {
	x, r := randomIndexOf(t, 1500, codedConfig(20))
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() {
		q := make([]float32, 20)
		for {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			if hits := x.Search(q, index.Params{K: 5, Ef: 40}, nil); len(hits) != 5 {
				done <- fmt.Errorf("%d hits", len(hits))
				return
			}
		}
	}()
	ask := func(kinds ...codes.Kind) {
		t.Helper()
		for i, kind := range kinds {
			if err := x.Requantize(kind); err != nil {
				t.Fatal(err)
			}
			if err := x.Put(uint32(i), gauss(r, 20)); err != nil {
				t.Fatal(err)
			}
		}
		x.Wait()
		want := kinds[len(kinds)-1]
		bits := 0
		if want != codes.None {
			bits = want.Bits()
		}
		if got := x.Memory().Bits; got != bits || x.Config().Quantization != want {
			t.Fatalf("%d bits after %v, config says %v", got, kinds, x.Config().Quantization)
		}
		for range 20 {
			v := x.Vector(uint32(r.IntN(1500)))
			if hits := x.Search(v, index.Params{K: 1, Ef: 256}, nil); len(hits) != 1 || hits[0].Dist != 0 {
				t.Fatalf("after %v: %v", kinds, hits)
			}
		}
	}
	ask(codes.SQ4)
	ask(codes.None)
	ask(codes.SQ8)
	ask(codes.Binary)
	ask(codes.SQ4, codes.None, codes.Binary, codes.SQ8, codes.None, codes.SQ4)
	close(stop)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := x.Requantize(99); err == nil {
		t.Fatal("kind 99 was taken")
	}
}
