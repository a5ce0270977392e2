package engine

import (
	"context"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/errs"
)

// TestQuantization takes a collection past the rows from which codes are made, and
// through a restart.
func TestQuantization(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	e := openTest(t, Options{Dir: dir, Fsync: FsyncOff})
	_, err := e.CreateCollection(ctx, CollectionConfig{Name: "bad", Dimension: 8, Quantization: "sq9"})
	wantKind(t, err, errs.Validation)
	for _, q := range []Quantization{QuantizeNone, QuantizeSQ8, QuantizeSQ4, ""} {
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
		for name, coded := range map[string]bool{"qnone": false, "qsq8": true, "qsq4": true, "q": true} {
			eventually(t, func() bool {
				info, err := e.Collection(name)
				return err == nil && info.Pending == 0 && (info.Memory.Codes > 0) == coded &&
					(name != "qsq4" || info.CodeBits == 4) && (name != "qsq8" || info.CodeBits == 8)
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
