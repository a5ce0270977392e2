//go:build unix

package crashtest

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// stop ends a server in order.
func (s *server) stop() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	if code := s.wait(); code != 0 {
		s.t.Fatalf("exit code %d\n%s", code, s.stderr.String())
	}
}

// files returns the files below dir whose names end in suffix and that hold
// something.
func files(t *testing.T, dir, suffix string) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, suffix) {
			return err
		}
		info, err := e.Info()
		if err == nil && info.Size() > 0 {
			list = append(list, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// change rewrites a file.
func change(t *testing.T, path string, f func([]byte) []byte) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, f(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// verify returns the exit code of "verify" and what it printed.
func verify(t *testing.T, dir string) (int, string) {
	t.Helper()
	cmd := exec.Command(binary, "verify", "--data-dir", dir)
	cmd.Env, cmd.Dir = environment(), t.TempDir()
	out, _ := cmd.CombinedOutput() // the exit code is looked at
	return cmd.ProcessState.ExitCode(), string(out)
}

// TestDamagedImages damages every index image in several ways: each time the
// index is made again from the records, and nothing is missing.
func TestDamagedImages(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	s := start(t, dir, settings...)
	s.ready()
	c := newCaller(s.url)
	model := fill(t, c, "c", 3000)
	c.close()
	s.stop()
	if code, text := verify(t, dir); code != 0 {
		t.Fatalf("verify of a sound directory: code %d: %s", code, text)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for name, damage := range map[string]func([]byte) []byte{
		"one bit":   func(b []byte) []byte { b[r.IntN(len(b))] ^= 1 << r.IntN(8); return b },
		"a block":   func(b []byte) []byte { clear(b[len(b)/2:][:min(512, len(b)/2)]); return b },
		"cut short": func(b []byte) []byte { return b[:r.IntN(len(b))] },
		"empty":     func([]byte) []byte { return nil },
		"longer":    func(b []byte) []byte { return append(b, "more"...) },
		"other":     func([]byte) []byte { return []byte(strings.Repeat("not an image", 1000)) },
	} {
		images := files(t, filepath.Join(dir, "images"), "")
		if len(images) == 0 {
			t.Fatal("no image was written")
		}
		for _, path := range images {
			change(t, path, damage)
		}
		if code, text := verify(t, dir); code != codeVerify {
			t.Errorf("%s: verify: code %d: %s", name, code, text)
		}
		s = start(t, dir, settings...)
		s.ready()
		c = newCaller(s.url)
		same(t, c, "c", model)
		if !strings.Contains(s.stderr.String(), "index image cannot be used") {
			t.Errorf("%s: the log does not say that an image was damaged", name)
		}
		w := &worker{coll: "c", acked: model}
		w.find(t, c)
		c.close()
		if t.Failed() {
			t.Fatalf("%s; the server said:\n%s", name, s.stderr.String())
		}
		s.stop()
	}
	if err := os.RemoveAll(filepath.Join(dir, "images")); err != nil {
		t.Fatal(err)
	}
	s = start(t, dir, settings...)
	s.ready()
	c = newCaller(s.url)
	defer c.close()
	same(t, c, "c", model)
}

// TestDamagedStore damages the files of the record store one by one. The server
// may refuse to start, with a reason, or to serve the collection; it never
// answers with anything but what was written.
func TestDamagedStore(t *testing.T) {
	sound := filepath.Join(t.TempDir(), "sound")
	s := start(t, sound, settings...)
	s.ready()
	c := newCaller(s.url)
	models := map[string]map[string]state{"a": fill(t, c, "a", 2500), "b": fill(t, c, "b", 300)}
	c.close()
	s.stop()
	tables := files(t, filepath.Join(sound, "db"), ".sst")
	if len(tables) == 0 {
		t.Fatal("no table was written")
	}
	r := rand.New(rand.NewPCG(3, 4))
	noticed := 0
	for i := range 6 {
		dir := filepath.Join(t.TempDir(), "copy")
		if err := os.CopyFS(dir, os.DirFS(sound)); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, strings.TrimPrefix(tables[i%len(tables)], sound))
		change(t, path, func(b []byte) []byte {
			at := r.IntN(len(b))
			for j := at; j < min(at+64, len(b)); j++ {
				b[j] ^= 0x55
			}
			return b
		})
		code, text := verify(t, dir)
		if code != 0 {
			noticed++
		}
		if strings.Contains(text, "panic:") || strings.Contains(text, "goroutine ") {
			t.Errorf("verify: %s", text)
		}
		serveDamaged(t, dir, models)
	}
	t.Logf("verify noticed %d of 6", noticed)
	if noticed < 6 {
		t.Errorf("verify noticed %d of 6 damaged tables", noticed)
	}
}

// serveDamaged starts a server on a damaged directory: whatever it answers must
// be right or a refusal.
func serveDamaged(t *testing.T, dir string, models map[string]map[string]state) {
	t.Helper()
	s := start(t, dir, settings...)
	defer s.kill()
	up := poll(minuteOrTwo, func() bool {
		select {
		case <-s.exited:
			return true
		default:
		}
		if m := addressLine.FindStringSubmatch(s.stderr.String()); m != nil {
			s.url = m[1]
			return true
		}
		return false
	})
	if up != nil {
		t.Fatalf("neither listening nor ended: %s", s.stderr.String())
	}
	if s.url == "" {
		if s.code == 0 || strings.Contains(s.stderr.String(), "goroutine ") {
			t.Errorf("ended with code %d\n%s", s.code, s.stderr.String())
		}
		return
	}
	c := newCaller(s.url)
	defer c.close()
	served, refused := 0, 0
	for coll, model := range models {
		err := poll(minuteOrTwo, func() bool { return !loading(c, coll) })
		if err != nil {
			t.Fatalf("%s loads for ever\n%s", coll, s.stderr.String())
		}
		for id, want := range model {
			var got record
			status, err := c.try("GET", "/api/v1/collections/"+coll+"/vectors/"+escape(id), nil, &got)
			switch {
			case err != nil:
				t.Fatalf("%v\n%s", err, s.stderr.String())
			case status == 200 && got.is(id, want):
				served++
			case status >= 500:
				refused++
			default:
				t.Fatalf("%s/%s: status %d, %+v", coll, id, status, got)
			}
		}
	}
	t.Logf("%d served, %d refused", served, refused)
}

// loading reports whether a collection still loads.
func loading(c *caller, coll string) bool {
	var p problem
	var text string
	status, err := c.try("GET", "/api/v1/collections/"+coll+"/count", nil, &text)
	if err != nil || status != 503 {
		return false
	}
	return decodeProblem(text, &p) && p.Type == "collection_not_ready"
}
