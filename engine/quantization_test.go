package engine

import (
	"context"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/engine/slab"
)

// TestQuantization takes a collection past the rows from which codes are made, and
// through a restart.
func TestQuantization(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	e := openTest(t, Options{Dir: dir, Fsync: FsyncOff})
	_, err := e.CreateCollection(ctx, CollectionConfig{Name: "bad", Dimension: 8, Quantization: "sq9"})
	wantKind(t, err, errs.Validation)
	for _, q := range []Quantization{QuantizeNone, QuantizeSQ8, QuantizeSQ4, QuantizeBinary, ""} {
		info, err := e.CreateCollection(ctx, CollectionConfig{Name: "q" + string(q), Dimension: 8,
			Metric: compute.Cosine, Quantization: q, HNSW: HNSWConfig{M: 8, EfConstruction: 40}})
		if err != nil {
			t.Fatal(err)
		}
		if q == "" && info.Quantization != QuantizeAuto {
			t.Fatalf("the default is %q", info.Quantization)
		}
		bulk(t, e, "q"+string(q), 0, 4600)
	}
	check := func(e *Engine) {
		t.Helper()
		bits := map[string]int{"qnone": 0, "qsq8": 8, "qsq4": 4, "qbinary": 1}
		for _, name := range []string{"qnone", "qsq8", "qsq4", "qbinary", "q"} {
			eventually(t, func() bool {
				info, err := e.Collection(name)
				want, fixed := bits[name]
				return err == nil && info.Pending == 0 && (info.Memory.Codes > 0) == (name != "qnone") &&
					(!fixed || info.CodeBits == want)
			})
			r, err := e.Get(ctx, name, "17", Fields{Vector: true})
			if err != nil {
				t.Fatal(err)
			}
			res, err := e.Search(ctx, name, &SearchRequest{Vector: r.Vector, K: 5})
			if err != nil {
				t.Fatal(err)
			}
			if len(res.Hits) != 5 || res.Hits[0].ID != "17" || res.Hits[0].Score < 0.9999 {
				t.Fatalf("%s: %v", name, res.Hits)
			}
		}
	}
	check(e)
	if err := e.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	check(openTest(t, Options{Dir: dir, Fsync: FsyncOff}))
}

// TestChangeQuantization changes what a collection with rows is searched by, and
// where its vectors lie after a restart.
func TestChangeQuantization(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	e := openTest(t, Options{Dir: dir, Fsync: FsyncOff})
	if _, err := e.CreateCollection(ctx, CollectionConfig{Name: "c", Dimension: 64, Quantization: QuantizeNone,
		Metric: compute.L2, HNSW: HNSWConfig{M: 4, EfConstruction: 20}}); err != nil {
		t.Fatal(err)
	}
	bulk(t, e, "c", 0, 4600)
	patch := func(q Quantization, s Storage) error {
		_, err := e.UpdateCollection(ctx, "c", CollectionPatch{Quantization: &q, Storage: &s})
		return err
	}
	wantKind(t, patch("sq9", StorageRAM), errs.Validation)
	wantKind(t, patch(QuantizeNone, "tape"), errs.Validation)
	bits := func(e *Engine, want int) {
		t.Helper()
		eventually(t, func() bool {
			info, err := e.Collection("c")
			return err == nil && info.Pending == 0 && info.CodeBits == want
		})
	}
	for _, c := range []struct {
		q    Quantization
		bits int
	}{{QuantizeSQ8, 8}, {QuantizeNone, 0}, {QuantizeBinary, 1}, {QuantizeSQ4, 4}} {
		if err := patch(c.q, StorageRAM); err != nil {
			t.Fatal(err)
		}
		bits(e, c.bits)
	}
	for _, where := range []Storage{StorageRAM, StorageMapped} {
		if err := patch(QuantizeSQ4, where); err != nil {
			t.Fatal(err)
		}
		if err := e.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		e = openTest(t, Options{Dir: dir, Fsync: FsyncOff})
		bits(e, 4)
		info, err := e.Collection("c")
		if err != nil || info.Memory.Mapped > 0 != (where == StorageMapped && slab.Elastic) {
			t.Fatalf("%s: %d bytes mapped, %v", where, info.Memory.Mapped, err)
		}
	}
	info, err := e.Collection("c")
	if err != nil || info.Quantization != QuantizeSQ4 || info.Storage != StorageMapped {
		t.Fatal(info, err)
	}
}
