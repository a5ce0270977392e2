package crashtest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// settings make what a crash can hit happen often: index images after a few
// changes, tables of the store after a few hundred.
var settings = []string{"VECTORIZER_INDEX_IMAGE_ROWS=40", "VECTORIZER_STORAGE_MEMTABLE=256KiB"}

// rig is the state of a crash test over all its rounds.
type rig struct {
	t       *testing.T
	dir     string
	rnd     *rand.Rand
	workers []*worker
	names   *catalogue
	// of all rounds
	acked, lost, carriedOut, fromImage, tails int
}

// TestKilledUnderLoad kills the server at random moments, starts it again, and
// compares everything stored with everything acknowledged.
func TestKilledUnderLoad(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := &rig{t: t, dir: filepath.Join(t.TempDir(), "data"), rnd: rand.New(rand.NewPCG(seed, 0)),
		workers: newWorkers(seed), names: newCatalogue(seed)}
	s := start(t, r.dir, settings...)
	s.ready()
	c := newCaller(s.url)
	for name, metric := range metrics {
		c.ask(t, "POST", "/api/v1/collections", object{"name": name, "dimension": dimension, "metric": metric}, nil)
	}
	c.close()
	for round := range rounds {
		r.load(s, round)
		s = r.restart()
		r.check(s)
		if t.Failed() {
			t.Fatalf("round %d of seed %d; the server said:\n%s", round, seed, s.stderr.String())
		}
	}
	t.Logf("%d rounds: %d requests acknowledged, %d without an answer, of which %d were carried out; "+
		"%d collections loaded from an image, %d of them with a tail of the log",
		rounds, r.acked, r.lost, r.carriedOut, r.fromImage, r.tails)
	if r.fromImage == 0 || r.tails == 0 {
		t.Error("no start used an image with a tail: that was not tested")
	}
	if r.acked < 20*rounds {
		t.Errorf("only %d requests were acknowledged", r.acked)
	}
}

// load lets the workers work until the server is killed.
func (r *rig) load(s *server, round int) {
	var all sync.WaitGroup
	errs := make(chan error, len(r.workers)+2)
	for _, w := range r.workers {
		all.Go(func() { errs <- w.work(s.url) })
	}
	all.Go(func() { errs <- r.names.work(s.url) })
	all.Go(func() { errs <- readAll(s.url) })
	after := time.NewTimer(time.Duration(30+r.rnd.IntN(500)) * time.Millisecond)
	<-after.C
	if r.rnd.IntN(4) == 0 { // while it shuts down in order
		_ = s.cmd.Process.Signal(syscall.SIGTERM)
		after.Reset(time.Duration(r.rnd.IntN(60)) * time.Millisecond)
		select {
		case <-after.C:
		case <-s.exited:
		}
	}
	s.kill()
	all.Wait()
	close(errs)
	for err := range errs {
		if err != nil && !stopping(err) {
			r.t.Errorf("round %d: %v", round, err)
		}
	}
	for _, w := range r.workers {
		r.acked += w.done
		w.done = 0
		if len(w.pending) > 0 {
			r.lost++
		}
	}
}

// restart starts the server again, now and then killing it while it starts.
func (r *rig) restart() *server {
	for r.rnd.IntN(3) == 0 {
		s := start(r.t, r.dir, settings...)
		after := time.NewTimer(time.Duration(r.rnd.IntN(80)) * time.Millisecond)
		select {
		case <-after.C:
		case <-s.exited:
			r.t.Fatalf("did not start: code %d\n%s", s.code, s.stderr.String())
		}
		s.kill()
	}
	s := start(r.t, r.dir, settings...)
	s.ready()
	return s
}

// check compares everything.
func (r *rig) check(s *server) {
	r.t.Helper()
	c := newCaller(s.url)
	defer c.close()
	stored := map[string]map[string]record{}
	for name := range metrics {
		stored[name] = scroll(r.t, c, name)
	}
	live := map[string]int{}
	for _, w := range r.workers {
		done, wrong := w.compare(stored[w.coll])
		for _, text := range wrong {
			r.t.Error(text)
		}
		if done {
			r.carriedOut++
		}
		live[w.coll] += len(w.acked)
	}
	for name := range metrics {
		var got struct{ Count int }
		c.ask(r.t, "GET", "/api/v1/collections/"+name+"/count", nil, &got)
		if got.Count != live[name] || len(stored[name]) != live[name] {
			r.t.Errorf("%s: count %d, %d listed, want %d", name, got.Count, len(stored[name]), live[name])
		}
	}
	for _, w := range r.workers {
		w.find(r.t, c)
	}
	r.names.check(r.t, c)
	r.images(s)
}

// images counts how collections were loaded. A crash never makes an image
// unusable: it is referred to only once it is whole.
func (r *rig) images(s *server) {
	r.t.Helper()
	for line := range strings.SplitSeq(s.stderr.String(), "\n") {
		var l struct {
			Message   string `json:"message"`
			Level     string `json:"level"`
			Component string `json:"component"`
			FromImage bool   `json:"from_image"`
			Tail      int    `json:"tail_ops"`
		}
		if json.Unmarshal([]byte(line), &l) != nil {
			continue
		}
		if l.Level == "error" && l.Component != "http" || strings.Contains(l.Message, "cannot be used") {
			r.t.Errorf("after a crash: %s", line)
		}
		if l.Message == "collection loaded" && l.FromImage {
			r.fromImage++
			if l.Tail > 0 {
				r.tails++
			}
		}
	}
}

// scroll returns everything in a collection.
func scroll(t *testing.T, c *caller, coll string) map[string]record {
	t.Helper()
	all := map[string]record{}
	body := object{"limit": 100, "with_vector": true, "with_payload": true}
	for {
		var page struct {
			Vectors []record `json:"vectors"`
			Next    *string  `json:"next_cursor"`
		}
		c.ask(t, "POST", "/api/v1/collections/"+coll+"/vectors/scroll", body, &page)
		for _, r := range page.Vectors {
			if _, twice := all[r.ID]; twice {
				t.Errorf("%s: %s listed twice", coll, r.ID)
			}
			all[r.ID] = r
		}
		if page.Next == nil || *page.Next == "" {
			return all
		}
		body["cursor"] = *page.Next
	}
}

type hits struct {
	Results []struct {
		ID    string  `json:"id"`
		Score float64 `json:"score"`
	} `json:"results"`
}

// find searches for acknowledged vectors by themselves, in the graph and exactly,
// and by their payload.
func (w *worker) find(t *testing.T, c *caller) {
	t.Helper()
	n := 0
	for id, s := range w.acked {
		if n++; n > 12 {
			return
		}
		body := object{"vector": vectorOf(id, s.vec), "limit": 1}
		switch n % 3 {
		case 1:
			body["exact"] = true
		case 2:
			body["filter"] = object{"must": []object{{"key": "version", "match": object{"value": s.pay}},
				{"key": "id", "match": object{"value": id}}}}
		}
		var got hits
		c.ask(t, "POST", "/api/v1/collections/"+w.coll+"/search", body, &got)
		if len(got.Results) != 1 || got.Results[0].ID != id || got.Results[0].Score < 0.9999 {
			t.Errorf("%s is not found by itself (%v): %+v", id, body["filter"], got)
		}
	}
}

// readAll searches until the connection fails: readers must not be disturbed. Now
// and then it has the index images written.
func readAll(address string) error {
	c := newCaller(address)
	defer c.close()
	for i := 0; ; i++ {
		var text string
		path, body := "/api/v1/collections/near/search", object{"vector": vectorOf("query", i), "limit": 5}
		switch i % 40 {
		case 10:
			path, body = "/api/v1/collections/near/force-save", object{}
		case 30:
			path, body = "/api/v1/collections/like/force-save", object{}
		}
		status, err := c.try("POST", path, body, &text)
		if err != nil {
			return nil
		}
		if status != 200 {
			return fmt.Errorf("%s: status %d: %.300s", path, status, text)
		}
	}
}

func escape(name string) string { return url.PathEscape(name) }
