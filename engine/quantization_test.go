package engine

import (
	"bytes"
	"context"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/engine/index/image"
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
		checkMemory(t, e, info)
	}
	info, err := e.Collection("c")
	if err != nil || info.Quantization != QuantizeSQ4 || info.Storage != StorageMapped {
		t.Fatal(info, err)
	}
}

// checkMemory compares what a collection says it holds with the sections of an image of
// its graph.
func checkMemory(t *testing.T, e *Engine, info CollectionInfo) {
	t.Helper()
	c, err := e.cat.find(info.Name)
	if err != nil {
		t.Fatal(err)
	}
	v, err := c.acquire()
	if err != nil {
		t.Fatal(err)
	}
	defer v.release()
	var out bytes.Buffer
	w, err := image.NewWriter(&out)
	if err == nil {
		err = v.graph.WriteImage(w)
	}
	if err == nil {
		_, err = w.Finish()
	}
	if err != nil {
		t.Fatal(err)
	}
	r, err := image.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len()))
	if err != nil {
		t.Fatal(err)
	}
	size := map[string]int64{}
	for _, s := range r.Sections() {
		size[s.Name] = s.Len
	}
	m := info.Memory
	if m.Vectors != size["hnsw.vectors"] || m.Links != size["hnsw.links"]+size["hnsw.upper"] {
		t.Errorf("vectors of %d bytes and links of %d: the image has %v", m.Vectors, m.Links, size)
	}
	// In memory the model is without its head, and has four signs a component that the
	// image need not have.
	if model := m.Codes - size["hnsw.codes"]; model <= 0 ||
		model > size["hnsw.codes.model"]+16*int64(info.Dimension) {
		t.Errorf("codes of %d bytes: the image has %v", m.Codes, size)
	}
	if m.Mapped > 0 && m.Mapped != m.Vectors {
		t.Errorf("%d bytes mapped of %d of vectors", m.Mapped, m.Vectors)
	}
	if want := m.Vectors + m.Links + m.Codes + m.IDs + m.Payload + m.Other - m.Mapped; m.Resident != want {
		t.Errorf("%d bytes resident, the parts are %d", m.Resident, want)
	}
}

// TestCodesOfASearch sets how searches use codes for a collection, and asks otherwise.
func TestCodesOfASearch(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	e := openTest(t, Options{Dir: dir, Fsync: FsyncOff})
	if _, err := e.CreateCollection(ctx, CollectionConfig{Name: "c", Dimension: 32, Quantization: QuantizeBinary,
		Metric: compute.L2, Oversampling: 0.5}); errs.KindOf(err) != errs.Validation {
		t.Fatal(err)
	}
	if _, err := e.CreateCollection(ctx, CollectionConfig{Name: "c", Dimension: 32, Quantization: QuantizeBinary,
		Metric: compute.L2, HNSW: HNSWConfig{M: 8, EfConstruction: 40}}); err != nil {
		t.Fatal(err)
	}
	bulk(t, e, "c", 0, 5000)
	eventually(t, func() bool {
		info, err := e.Collection("c")
		return err == nil && info.Pending == 0 && info.CodeBits == 1
	})
	q, err := e.Get(ctx, "c", "77", Fields{Vector: true})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(how CodeUse) *Explain {
		t.Helper()
		res, err := e.Search(ctx, "c", &SearchRequest{Vector: q.Vector, K: 5, Codes: how, Explain: true})
		if err != nil || len(res.Hits) != 5 || res.Explain.Plan != planGraph {
			t.Fatal(err, res)
		}
		return res.Explain
	}
	on, off := true, false
	patch := func(p CollectionPatch) error {
		_, err := e.UpdateCollection(ctx, "c", p)
		return err
	}
	if x := ask(CodeUse{}); x.CodeBits != 1 || x.Rescored < 5 {
		t.Errorf("by default: %+v", x)
	}
	if x := ask(CodeUse{Ignore: true}); x.CodeBits != 0 || x.Rescored != 0 {
		t.Errorf("without codes: %+v", x)
	}
	if x := ask(CodeUse{Oversampling: 2}); x.Rescored < 10 || x.Rescored >= 64 {
		t.Errorf("at least ten: %+v", x)
	}
	_, err = e.Search(ctx, "c", &SearchRequest{Vector: q.Vector, K: 5, Codes: CodeUse{Oversampling: 11}})
	wantKind(t, err, errs.Validation)
	bad, three := float32(10.5), float32(3)
	wantKind(t, patch(CollectionPatch{Oversampling: &bad}), errs.Validation)
	if err := patch(CollectionPatch{Rescore: &off, Oversampling: &three}); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e = openTest(t, Options{Dir: dir, Fsync: FsyncOff})
	eventually(t, func() bool {
		info, err := e.Collection("c")
		return err == nil && info.Pending == 0 && info.CodeBits == 1 && !*info.Rescore && info.Oversampling == 3
	})
	if x := ask(CodeUse{}); x.CodeBits != 1 || x.Rescored != 0 {
		t.Errorf("the collection says no: %+v", x)
	}
	if x := ask(CodeUse{Rescore: &on}); x.Rescored < 15 || x.Rescored >= 64 {
		t.Errorf("the search says yes: %+v", x)
	}
}
