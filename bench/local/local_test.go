package local

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/vectorizer-go/vectorizer/bench/client"
	"github.com/vectorizer-go/vectorizer/engine"
)

func TestMain(m *testing.M) {
	// fasthttp's housekeepers end by themselves, seconds later.
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"))
}

func TestStart(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	dir := t.TempDir()
	s, err := Start(ctx, Options{Engine: engine.Options{Dir: dir, Version: "test"}})
	if err != nil {
		t.Fatal(err)
	}
	c := client.New(s.Addr)
	if err := c.WaitReady(ctx); err != nil {
		t.Error(err)
	}
	if err := c.Create(ctx, client.Collection{Name: "c", Dimension: 4, Metric: "dot"}); err != nil {
		t.Error(err)
	}
	if i, err := c.Info(ctx, "c"); err != nil || i.Dimension != 4 || i.Status != "ready" || i.CreatedAt == "" {
		t.Errorf("%+v %v", i, err)
	}
	if second, err := Start(ctx, Options{Engine: engine.Options{Dir: dir}}); err == nil {
		t.Error("a second server runs on the same directory", second.Close())
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error("a second Close:", err)
	}
}
