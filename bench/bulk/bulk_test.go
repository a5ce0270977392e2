package bulk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/vectorizer-go/vectorizer/bench/client"
	"github.com/vectorizer-go/vectorizer/bench/rowio"
	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/httpapi/codec"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeServer stores what is sent to it. The real one is used by the tests of
// package demo and of the commands.
type fakeServer struct {
	mu     sync.Mutex // guards: all below
	rows   map[string]string
	posts  int
	refuse func(post int, ids []string) (status int, body string) // 0 = accept
}

func (f *fakeServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ops, err := readOps(r.Body)
	if err != nil {
		http.Error(w, err.Error(), 400)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.posts++
	ids := make([]string, 0, len(ops))
	for _, op := range ops {
		ids = append(ids, op.ID)
	}
	if f.refuse != nil {
		if status, text := f.refuse(f.posts, ids); status != 0 {
			w.WriteHeader(status)
			fmt.Fprint(w, text)
			return
		}
	}
	created := 0
	for _, op := range ops {
		if _, had := f.rows[op.ID]; !had {
			created++
		}
		f.rows[op.ID] = fmt.Sprintf("%v%s", op.Vector, op.Payload)
	}
	fmt.Fprintf(w, `{"inserted":%d,"created":%d,"failed":0,"errors":[]}`, len(ops), created)
}

// readOps decodes a bulk body as the server does.
func readOps(body io.Reader) ([]engine.Op, error) {
	r, err := codec.NewBulkReader(body)
	if err != nil {
		return nil, err
	}
	var ops []engine.Op
	for {
		var op engine.Op
		if _, err := r.Next(&op, nil); err == io.EOF {
			return ops, nil
		} else if err != nil {
			return nil, err
		}
		ops = append(ops, op)
	}
}

func (f *fakeServer) start(t *testing.T) string {
	t.Helper()
	f.rows = map[string]string{}
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// lines is n rows as JSON lines, every third with an id of its own.
func lines(n int) string {
	var b strings.Builder
	for i := range n {
		if i%3 == 0 {
			fmt.Fprintf(&b, `{"id":"k%d","vector":[%d,1],"payload":{"n":%d}}`+"\n", i, i, i)
		} else {
			fmt.Fprintf(&b, `{"vector":[%d,1]}`+"\n", i)
		}
	}
	return b.String()
}

func reader(t *testing.T, text string) rowio.Reader {
	t.Helper()
	r, err := rowio.NewReader("rows", strings.NewReader(text), rowio.Options{Format: rowio.JSONL})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func checkStored(t *testing.T, f *fakeServer, from, to int) {
	t.Helper()
	if len(f.rows) != to-from {
		t.Errorf("%d rows are stored, want %d", len(f.rows), to-from)
	}
	for i := from; i < to; i++ {
		id, payload := fmt.Sprint(i), ""
		if i%3 == 0 {
			id, payload = fmt.Sprintf("k%d", i), fmt.Sprintf(`{"n":%d}`, i)
		}
		if got, want := f.rows[id], fmt.Sprintf("[%d 1]%s", i, payload); got != want {
			t.Fatalf("row %d is stored as %q, want %q", i, got, want)
		}
	}
}

func TestImport(t *testing.T) {
	f := &fakeServer{}
	addr := f.start(t)
	var seen []int64
	res, err := Import(context.Background(), reader(t, lines(1000)), ImportOptions{Addr: addr,
		Collection: "c", BatchRows: 7, Conns: 3, Stored: func(n int64) { seen = append(seen, n) }})
	if err != nil {
		t.Fatal(err)
	}
	checkStored(t, f, 0, 1000)
	if res.Rows != 1000 || res.Created != 1000 || res.Retries != 0 {
		t.Errorf("%+v", res)
	}
	if !slices.IsSorted(seen) || seen[len(seen)-1] != 1000 {
		t.Errorf("stored went %v", seen)
	}
	res, err = Import(context.Background(), reader(t, lines(1000)), ImportOptions{Addr: addr,
		Collection: "c", Start: 990})
	if err != nil || res.Rows != 10 || res.Created != 0 {
		t.Errorf("again from 990: %+v %v", res, err)
	}
	_, err = Import(context.Background(), reader(t, lines(5)), ImportOptions{Addr: addr,
		Collection: "c", Start: 6})
	if err == nil || !strings.Contains(err.Error(), "fewer than the 6 rows") {
		t.Errorf("start beyond the end: %v", err)
	}
}

func TestImportRetries(t *testing.T) {
	f := &fakeServer{refuse: func(post int, _ []string) (int, string) {
		if post%2 == 1 {
			return []int{429, 503}[post/2%2], `{"error_type":"queue_full","message":"busy"}`
		}
		return 0, ""
	}}
	addr := f.start(t)
	res, err := Import(context.Background(), reader(t, lines(9)), ImportOptions{Addr: addr,
		Collection: "c", BatchRows: 3, Conns: 1})
	if err != nil || res.Retries != 3 || res.Rows != 9 {
		t.Errorf("%+v %v", res, err)
	}
	checkStored(t, f, 0, 9)
	f.refuse = func(int, []string) (int, string) { return 429, `{"message":"always busy"}` }
	_, err = Import(context.Background(), reader(t, lines(9)), ImportOptions{Addr: addr,
		Collection: "c", Patience: time.Millisecond})
	var status *client.StatusError
	if !errors.As(err, &status) || status.Status != 429 || !strings.Contains(err.Error(), "always busy") {
		t.Errorf("patience: %v", err)
	}
}

func TestImportStopsAtRefusedRow(t *testing.T) {
	f := &fakeServer{refuse: func(_ int, ids []string) (int, string) {
		if i := slices.Index(ids, "14"); i >= 0 {
			return 200, fmt.Sprintf(`{"inserted":%d,"failed":1,"errors":[{"index":%d,`+
				`"error":"Dimension mismatch"}]}`, len(ids)-1, i)
		}
		return 0, ""
	}}
	addr := f.start(t)
	_, err := Import(context.Background(), reader(t, lines(100)), ImportOptions{Addr: addr,
		Collection: "c", BatchRows: 4})
	var row *RowError
	if !errors.As(err, &row) || row.Row != 14 || row.ID != "14" {
		t.Errorf("%v", err)
	}
	f.refuse = func(int, []string) (int, string) { return 200, `{"inserted":1,"failed":0}` }
	if _, err = Import(context.Background(), reader(t, lines(3)), ImportOptions{Addr: addr,
		Collection: "c"}); err == nil || !strings.Contains(err.Error(), "3 were sent, 1 stored and 0 refused") {
		t.Errorf("lost rows: %v", err)
	}
	f.refuse = func(int, []string) (int, string) {
		return 404, `{"error_type":"collection_not_found","message":"Collection not found: c"}`
	}
	if _, err = Import(context.Background(), reader(t, lines(3)), ImportOptions{Addr: addr,
		Collection: "c"}); err == nil || !strings.Contains(err.Error(), "Collection not found: c (status 404)") {
		t.Errorf("no collection: %v", err)
	}
}

func TestImportBrokenFile(t *testing.T) {
	f := &fakeServer{}
	addr := f.start(t)
	res, err := Import(context.Background(), reader(t, lines(10)+"{\n"), ImportOptions{Addr: addr,
		Collection: "c", BatchRows: 4})
	if err == nil || !strings.Contains(err.Error(), "row 10") {
		t.Errorf("%v", err)
	}
	if res.Rows != 10 {
		t.Errorf("%d rows before the broken one are stored, want 10", res.Rows)
	}
}

func TestImportCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	f := &fakeServer{refuse: func(post int, _ []string) (int, string) {
		if post == 3 {
			cancel()
		}
		return 0, ""
	}}
	addr := f.start(t)
	if _, err := Import(ctx, reader(t, lines(10000)), ImportOptions{Addr: addr, Collection: "c",
		BatchRows: 4}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if f.posts > 10 {
		t.Errorf("%d requests after the cancel", f.posts)
	}
}

func TestState(t *testing.T) {
	dir, file := t.TempDir(), filepath.Join(t.TempDir(), "rows.jsonl")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	open := func(collection, identity string) *State {
		t.Helper()
		s, err := OpenState(dir, file, "h:1", collection, identity)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	write("abc")
	s := open("c", "t1")
	if s.Rows() != 0 {
		t.Errorf("a new state has %d rows", s.Rows())
	}
	if err := s.Advance(7); err != nil {
		t.Fatal(err)
	}
	if err := s.Advance(9); err != nil { // too soon to be written
		t.Fatal(err)
	}
	if got := open("c", "t1").Rows(); got != 7 {
		t.Errorf("remembered %d rows", got)
	}
	if err := s.Save(); err != nil || open("c", "t1").Rows() != 9 {
		t.Errorf("Save: %v", err)
	}
	if open("d", "t1").Rows() != 0 || open("c", "t2").Rows() != 0 {
		t.Error("another collection has the state")
	}
	write("abd")
	if open("c", "t1").Rows() != 0 {
		t.Error("another content has the state")
	}
	write("abc")
	if err := os.WriteFile(s.Path(), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if open("c", "t1").Rows() != 0 {
		t.Error("a broken state counts")
	}
	if err := errors.Join(s.Forget(), s.Forget()); err != nil {
		t.Error(err)
	}
}

// sink collects exported rows.
type sink struct{ rows []rowio.Row }

func (s *sink) Write(r *rowio.Row) error {
	c := *r
	c.Vector, c.Payload = slices.Clone(r.Vector), slices.Clone(r.Payload)
	s.rows = append(s.rows, c)
	return nil
}
func (s *sink) Commit() error { return nil }
func (s *sink) Close() error  { return nil }

func TestExport(t *testing.T) {
	pages := map[string]string{
		"":  `{"vectors":[{"id":"a","vector":[1,2],"payload":{"x":1.50}},{"id":"b","vector":[3,4],"payload":null}],"next_cursor":"b"}`,
		"b": `{"vectors":[{"id":"c","vector":[5,6]}],"next_cursor":null}`,
	}
	var asked []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked = append(asked, string(body))
		var q struct{ Cursor string }
		_ = json.Unmarshal(body, &q)
		fmt.Fprint(w, pages[q.Cursor])
	}))
	defer s.Close()
	out := new(sink)
	n, err := Export(context.Background(), out, ExportOptions{Addr: s.Listener.Addr().String(),
		Collection: "c", PageRows: 2, Filter: json.RawMessage(`{"f":1}`)})
	if err != nil || n != 3 {
		t.Fatal(n, err)
	}
	want := `{a [1 2] {"x":1.50}} {b [3 4] } {c [5 6] }`
	var got []string
	for _, r := range out.rows {
		got = append(got, fmt.Sprintf("{%s %v %s}", r.ID, r.Vector, r.Payload))
	}
	if strings.Join(got, " ") != want {
		t.Errorf("got %v", got)
	}
	if !strings.Contains(asked[1], `"cursor":"b"`) || !strings.Contains(asked[0], `"filter":{"f":1}`) {
		t.Errorf("asked %v", asked)
	}
	pages["b"] = `{"vectors":[],"next_cursor":"b"}`
	if _, err := Export(context.Background(), new(sink), ExportOptions{Addr: s.Listener.Addr().String(),
		Collection: "c"}); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("a cursor that stands still: %v", err)
	}
}
