package crashtest

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// world returns a directory that every user may enter.
func world(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "crashtest-world")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestMissingRights starts a server that may not write where it is told to. When
// this test runs as root, whom no mode stops, the server runs as another user.
func TestMissingRights(t *testing.T) {
	dir := world(t)
	program := filepath.Join(dir, "vectorizer")
	text, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, text, 0o755); err != nil {
		t.Fatal(err)
	}
	serve := func(data string) *server {
		cmd := exec.Command(program, "serve", "--port", "0", "--data-dir", data)
		if os.Getuid() == 0 {
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		}
		return startIn(t, cmd, dir)
	}
	closed := filepath.Join(dir, "closed")
	if err := os.Mkdir(closed, 0o500); err != nil {
		t.Fatal(err)
	}
	fails(t, serve(filepath.Join(closed, "data")), codeDataDir, closed, "permission denied")

	// A directory that was ours and has become somebody else's.
	data := filepath.Join(dir, "data")
	s := start(t, data)
	s.ready()
	c := newCaller(s.url)
	model := fill(t, c, "c", 100)
	c.close()
	s.stop()
	seal(t, data, 0o555, 0o444)
	before := listing(t, data)
	fails(t, serve(data), codeDataDir, data)
	if listing(t, data) != before {
		t.Error("the directory changed")
	}
	seal(t, data, 0o755, 0o644)
	s = start(t, data)
	s.ready()
	c = newCaller(s.url)
	defer c.close()
	same(t, c, "c", model)
}

// seal sets the modes of everything below dir.
func seal(t *testing.T, dir string, folder, file os.FileMode) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir():
			return os.Chmod(path, folder)
		}
		return os.Chmod(path, file)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// disk is a place that can be filled up. With the rights to mount it is a small
// file system of its own, which can really be full; without, it is a reserve set
// so high that a large file uses up what is above it.
type disk struct {
	dir     string
	reserve string // storage.min_free
	ballast int64  // bytes that bring the free space below the reserve
	own     bool   // a file system of its own
}

const mib = 1 << 20

func smallDisk(t *testing.T) disk {
	t.Helper()
	dir := world(t)
	err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=96m")
	if err == nil {
		t.Cleanup(func() {
			if err := unix.Unmount(dir, 0); err != nil {
				t.Error(err)
			}
		})
		return disk{dir: dir, reserve: "24MiB", ballast: 80 * mib, own: true}
	}
	if !errors.Is(err, os.ErrPermission) {
		t.Fatal(err)
	}
	free := freeBytes(t, dir)
	if free < 3<<30 {
		t.Fatalf("%d bytes free in %s: this test needs 3 GiB", free, dir)
	}
	return disk{dir: dir, reserve: fmt.Sprintf("%dMiB", (free-(1<<30))/mib), ballast: 2 << 30}
}

func freeBytes(t *testing.T, dir string) int64 {
	t.Helper()
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		t.Fatal(err)
	}
	return int64(st.Bavail) * st.Bsize
}

// fill takes n bytes of the disk; empty gives them back.
func (d disk) fill(t *testing.T, n int64) {
	t.Helper()
	f, err := os.Create(filepath.Join(d.dir, "ballast"))
	if err == nil {
		err = unix.Fallocate(int(f.Fd()), 0, 0, n)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (d disk) empty(t *testing.T) {
	t.Helper()
	if err := os.Remove(filepath.Join(d.dir, "ballast")); err != nil {
		t.Fatal(err)
	}
}

// TestReserveUsedUp fills the disk up to the reserve: writes are refused with
// their own error, reads and searches go on, and writes are accepted again, in
// the same process, when there is room.
func TestReserveUsedUp(t *testing.T) {
	d := smallDisk(t)
	data := filepath.Join(d.dir, "data")
	s := start(t, data, "VECTORIZER_STORAGE_MIN_FREE="+d.reserve, "VECTORIZER_STORAGE_MEMTABLE=1MiB")
	s.ready()
	c := newCaller(s.url)
	defer c.close()
	model := fill(t, c, "c", 500)
	for cycle := range 2 {
		d.fill(t, d.ballast)
		// Overwriting what is there keeps the model simple: a write that passes
		// before the shortage is noticed is acknowledged, and counts.
		version := 10 + cycle
		var text string
		err := poll(minuteOrTwo, func() bool {
			status, err := c.try("POST", "/api/v1/collections/c/vectors", batch(0, 5, version), &text)
			if err == nil && status == 200 {
				for i := range 5 {
					model[fmt.Sprint("v", i)] = state{version, version}
				}
			}
			return status == http.StatusInsufficientStorage
		})
		if err != nil {
			t.Fatalf("writes are never refused: %v: %s", err, text)
		}
		c.refused(t, "POST", "/api/v1/collections/c/vectors", batch(0, 5, 99), 507, "storage_full")
		c.refused(t, "POST", "/api/v1/collections", object{"name": "d", "dimension": 3, "metric": "dot"},
			507, "storage_full")
		same(t, c, "c", model)
		w := &worker{coll: "c", acked: model}
		w.find(t, c)
		d.empty(t)
		err = poll(minuteOrTwo, func() bool {
			status, err := c.try("POST", "/api/v1/collections/c/vectors", batch(5, 9, version), &text)
			return err == nil && status == 200
		})
		if err != nil {
			t.Fatalf("writes are never accepted again: %v: %s", err, text)
		}
		for i := 5; i < 9; i++ {
			model[fmt.Sprint("v", i)] = state{version, version}
		}
		same(t, c, "c", model)
	}
	s.kill()
	again := start(t, data, "VECTORIZER_STORAGE_MIN_FREE="+d.reserve)
	again.ready()
	b := newCaller(again.url)
	defer b.close()
	same(t, b, "c", model)
}

// TestDiskReallyFull writes until not a byte is left, with the reserve turned
// off, and kills the server there: what was acknowledged is there afterwards.
// Where it cannot mount, the limit on the size of a file stands in for the disk.
func TestDiskReallyFull(t *testing.T) {
	d := smallDisk(t)
	data := filepath.Join(d.dir, "data")
	cmd := exec.Command(binary, "serve", "--port", "0", "--data-dir", data, "--backend", "cpu")
	if !d.own { // no file beyond 8 MiB
		cmd = exec.Command("sh", "-c", `ulimit -f 16384; exec "$0" "$@"`, binary, "serve", "--port", "0",
			"--data-dir", data, "--backend", "cpu")
	}
	s := startCmd(t, cmd, "VECTORIZER_STORAGE_MIN_FREE=0", "VECTORIZER_LIMITS_REQUEST_TIMEOUT=2s")
	s.ready()
	c := newCaller(s.url)
	defer c.close()
	model := fill(t, c, "c", 100)
	if d.own {
		d.fill(t, freeBytes(t, d.dir)-6*mib)
	}
	pending := writeUntilRefused(t, s, c, model)
	s.kill()
	if d.own {
		d.empty(t)
	}
	again := start(t, data, "VECTORIZER_STORAGE_MIN_FREE=0")
	again.ready()
	b := newCaller(again.url)
	defer b.close()
	stored := scroll(t, b, "c")
	old, now := 0, 0
	for id, want := range pending {
		switch r := stored[id]; {
		case r.is(id, want):
			now++
			model[id] = want
		case r.is(id, model[id]):
			old++
		}
	}
	if old > 0 && now > 0 {
		t.Errorf("half of the last request is there: %d of %d", now, len(pending))
	}
	same(t, b, "c", model)
	upsert(t, b, "c", model, 0, 50, 500)
	same(t, b, "c", model)
}

// writeUntilRefused writes until a request is not answered with 200, and returns
// what that one would have changed. Reads must go on working then.
func writeUntilRefused(t *testing.T, s *server, c *caller, model map[string]state) map[string]state {
	t.Helper()
	end := time.Now().Add(2 * minuteOrTwo)
	for version := 2; time.Now().Before(end); version++ {
		at := version % 100 * 50
		pending := map[string]state{}
		for i := at; i < at+50; i++ {
			pending[fmt.Sprint("v", i)] = state{version, version}
		}
		var text string
		status, err := c.try("POST", "/api/v1/collections/c/vectors", batch(at, at+50, version), &text)
		if err == nil && status == 200 {
			for id, st := range pending {
				model[id] = st
			}
			continue
		}
		t.Logf("after %d requests: status %d, %v: %.200s", version, status, err, text)
		select {
		case <-s.exited:
			t.Logf("the server gave up with code %d", s.code)
			if s.code < 0 {
				t.Errorf("it crashed:\n%s", s.stderr.String())
			}
			return pending
		default:
		}
		w := &worker{coll: "c", acked: map[string]state{"v1": model["v1"]}}
		if _, unsure := pending["v1"]; !unsure {
			w.find(t, c)
		}
		return pending
	}
	t.Fatal("the disk never filled up")
	return nil
}
