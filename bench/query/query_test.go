package query

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/vectorizer-go/vectorizer/bench/bulk"
	"github.com/vectorizer-go/vectorizer/bench/client"
	"github.com/vectorizer-go/vectorizer/bench/dataset"
	"github.com/vectorizer-go/vectorizer/bench/local"
	"github.com/vectorizer-go/vectorizer/bench/wire"
	"github.com/vectorizer-go/vectorizer/engine"
)

// TestRun imports a cut of the real set and asks for it in every encoding.
func TestRun(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	small, err := dataset.Small()
	if err != nil {
		t.Fatal(err)
	}
	set := dataset.Cut(small, 2000, 50, 20)
	s, err := local.Start(ctx, local.Options{Engine: engine.Options{Dir: t.TempDir(),
		Fsync: engine.FsyncOff}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	c := client.New(s.Addr)
	defer func() { _ = c.Close() }()
	if err := c.Create(ctx, client.Collection{Name: "x", Dimension: set.Dim, Metric: "cosine"}); err != nil {
		t.Fatal(err)
	}
	res, err := bulk.Import(ctx, set.Reader(), bulk.ImportOptions{Addr: s.Addr, Collection: "x"})
	if err != nil || res.Created != 2000 {
		t.Fatalf("%+v %v", res, err)
	}
	if err := c.WaitIndexed(ctx, "x", nil); err != nil {
		t.Fatal(err)
	}
	target := Target{Addr: s.Addr, Collection: "x", Set: set, K: 10}
	for _, f := range wire.Formats() {
		out, err := Run(ctx, target, Plan{Format: f, Exact: f == wire.Octets, Ef: 200, Conns: 2, Requests: 100})
		if err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		if out.Recall < 0.99 || out.Recall > 1.0001 || out.Answers != 100 || out.QPS <= 0 ||
			out.Latency.Count() != 100 {
			t.Errorf("%s: recall %v, %d answers, %v queries/s", f, out.Recall, out.Answers, out.QPS)
		}
		if f == wire.Octets && math.Abs(out.Recall-1) > 1e-6 {
			t.Errorf("exact search has recall %v", out.Recall)
		}
	}
	target.Collection = "none"
	if _, err := Run(ctx, target, Plan{Format: wire.JSON, Conns: 1, Requests: 1}); err == nil ||
		!strings.Contains(err.Error(), "Collection not found") {
		t.Errorf("%v", err)
	}
	target.K = 21
	if _, err := Run(ctx, target, Plan{Format: wire.JSON, Conns: 1, Requests: 1}); err == nil {
		t.Error("k beyond the truth")
	}
}
