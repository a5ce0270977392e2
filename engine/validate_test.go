package engine

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/errs"
)

// TestBadInput gives the engine every class of bad input: each is refused with a
// kind and names the field, and nothing is written.
func TestBadInput(t *testing.T) {
	ctx := context.Background()
	e := openTest(t, Options{Fsync: FsyncOff})
	create(t, e, "cos", 3, compute.Cosine)
	upsert(t, e, "cos", "there", []float32{1, 2, 3}, `{"a":1}`)
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	good := []float32{1, 2, 3}
	deep := strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100)
	long := strings.Repeat("x", 256)
	badM := HNSWConfig{M: 1}
	op := func(o Op) error {
		r, err := e.Write(ctx, Mutation{Collection: "cos", Ops: []Op{o}})
		if err != nil {
			return err
		}
		return r.Items[0].Err
	}
	vec := func(id string, v []float32) error { return op(Op{Kind: OpUpsert, ID: id, Vector: v}) }
	payload := func(p string) error {
		return op(Op{Kind: OpUpsert, ID: "p", Vector: good, Payload: []byte(p)})
	}
	search := func(r SearchRequest) error { _, err := e.Search(ctx, "cos", &r); return err }
	createErr := func(c CollectionConfig) error { _, err := e.CreateCollection(ctx, c); return err }
	cases := map[string]struct {
		err  error
		kind errs.Kind
	}{
		"short vector":     {vec("x", []float32{1}), errs.DimensionMismatch},
		"no vector":        {vec("x", nil), errs.DimensionMismatch},
		"NaN":              {vec("x", []float32{1, nan, 2}), errs.Validation},
		"Inf":              {vec("x", []float32{1, inf, 2}), errs.Validation},
		"zero cosine":      {vec("x", []float32{0, 0, 0}), errs.Validation},
		"empty id":         {vec("", good), errs.Validation},
		"long id":          {vec(strings.Repeat("x", 257), good), errs.Validation},
		"id with #":        {vec("a#b", good), errs.Validation},
		"id with blank":    {vec(" a", good), errs.Validation},
		"id not UTF-8":     {vec("a\xff", good), errs.Validation},
		"id with NUL":      {vec("a\x00", good), errs.Validation},
		"payload array":    {payload(`[1]`), errs.Validation},
		"payload text":     {payload(`{"a":`), errs.Validation},
		"payload UTF-8":    {payload("{\"a\":\"\xff\"}"), errs.Validation},
		"payload deep":     {payload(deep), errs.Validation},
		"payload size":     {payload(`{"a":"` + strings.Repeat("x", MaxPayloadBytes) + `"}`), errs.Validation},
		"unknown op":       {op(Op{Kind: 9, ID: "x"}), errs.Validation},
		"unknown mode":     {op(Op{Kind: OpUpdate, ID: "there", PayloadMode: 7}), errs.Validation},
		"update missing":   {op(Op{Kind: OpUpdate, ID: "none", Vector: good}), errs.VectorNotFound},
		"delete missing":   {op(Op{Kind: OpDelete, ID: "none"}), errs.VectorNotFound},
		"insert present":   {op(Op{Kind: OpInsert, ID: "there", Vector: good}), errs.VectorExists},
		"name empty":       {createErr(CollectionConfig{Dimension: 1}), errs.Validation},
		"name slash":       {createErr(CollectionConfig{Name: "a/b", Dimension: 1}), errs.Validation},
		"name dots":        {createErr(CollectionConfig{Name: "..", Dimension: 1}), errs.Validation},
		"name reserved":    {createErr(CollectionConfig{Name: "empty", Dimension: 1}), errs.Validation},
		"name long":        {createErr(CollectionConfig{Name: long, Dimension: 1}), errs.Validation},
		"dimension 0":      {createErr(CollectionConfig{Name: "d"}), errs.InvalidDimension},
		"dimension large":  {createErr(CollectionConfig{Name: "d", Dimension: 65537}), errs.InvalidDimension},
		"metric":           {createErr(CollectionConfig{Name: "d", Dimension: 1, Metric: 9}), errs.Validation},
		"update mode":      {createErr(CollectionConfig{Name: "d", Dimension: 1, UpdateMode: "x"}), errs.Validation},
		"m":                {createErr(CollectionConfig{Name: "d", Dimension: 1, HNSW: badM}), errs.Validation},
		"k 0":              {search(SearchRequest{Vector: good}), errs.Validation},
		"k large":          {search(SearchRequest{Vector: good, K: 10001}), errs.Validation},
		"offset":           {search(SearchRequest{Vector: good, K: 1, Offset: -1}), errs.Validation},
		"ef":               {search(SearchRequest{Vector: good, K: 1, Ef: 10001}), errs.Validation},
		"threshold":        {search(SearchRequest{Vector: good, K: 1, Threshold: &nan}), errs.Validation},
		"query dimension":  {search(SearchRequest{Vector: good[:2], K: 1}), errs.DimensionMismatch},
		"query NaN":        {search(SearchRequest{Vector: []float32{nan, 1, 1}, K: 1}), errs.Validation},
		"query zero":       {search(SearchRequest{Vector: make([]float32, 3), K: 1}), errs.Validation},
		"empty filter del": {second(e.DeleteByFilter(ctx, "cos", nil)), errs.Validation},
		"bad cursor":       {second(e.Scroll(ctx, "cos", ScrollRequest{Limit: 1, Cursor: "%%"})), errs.Validation},
		"no collection":    {second(e.Count(ctx, "none", nil)), errs.CollectionNotFound},
		"same collection":  {second(e.Move(ctx, "cos", "cos", []string{"there"})), errs.Validation},
	}
	for name, c := range cases {
		var typed *errs.Error
		switch {
		case !errors.As(c.err, &typed):
			t.Errorf("%s: %v", name, c.err)
		case typed.Kind != c.kind:
			t.Errorf("%s: kind %s, want %s (%v)", name, typed.Kind, c.kind, c.err)
		case c.kind == errs.Validation && typed.Details["field"] == nil:
			t.Errorf("%s: no field in %v", name, typed.Details)
		}
	}
	if n, err := e.Count(ctx, "cos", nil); n != 1 || err != nil {
		t.Fatalf("%d records, %v", n, err)
	}
}

func second[T any](_ T, err error) error { return err }

// TestItemsAreIndependent writes good and bad ops in one call.
func TestItemsAreIndependent(t *testing.T) {
	ctx := context.Background()
	e := openTest(t, Options{Fsync: FsyncOff})
	create(t, e, "a", 2, compute.L2)
	r, err := e.Write(ctx, Mutation{Collection: "a", Ops: []Op{
		{Kind: OpUpsert, ID: "1", Vector: []float32{1, 2}},
		{Kind: OpUpsert, ID: "2", Vector: []float32{1}},
		{Kind: OpDelete, ID: "3"},
		{Kind: OpInsert, ID: "1", Vector: []float32{1, 2}},
		{Kind: OpUpdate, ID: "1", Vector: []float32{5, 6}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	var got []errs.Kind
	for _, it := range r.Items {
		if it.Err == nil {
			got = append(got, "")
			continue
		}
		got = append(got, errs.KindOf(it.Err))
	}
	want := []errs.Kind{"", errs.DimensionMismatch, errs.VectorNotFound, errs.VectorExists, ""}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("%v, want %v", got, want)
		}
	}
	if rec, err := e.Get(ctx, "a", "1", Fields{Vector: true}); err != nil || rec.Vector[0] != 5 {
		t.Fatal(rec, err)
	}
	if !r.Items[0].Created || r.Items[4].Created {
		t.Fatalf("%+v", r.Items)
	}
}

func FuzzCheckName(f *testing.F) {
	f.Add("a-b")
	f.Add("..")
	f.Fuzz(func(t *testing.T, s string) {
		if checkName(s) == nil && (strings.ContainsAny(s, "/\\\x00%?#*\"'<>|") || s == "." || s == "..") {
			t.Fatalf("%q is a name", s)
		}
	})
}
