//go:build unix

package crashtest

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// suspend stops a process as a debugger or a frozen machine does.
func suspend(t *testing.T, m *member) {
	t.Helper()
	if err := m.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
}

// proceed lets it go on.
func proceed(t *testing.T, m *member) {
	t.Helper()
	if err := m.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
}

// TestStoppedMasterIsFenced: a master that hangs while a replica takes over is
// fenced when it goes on: it takes no writes, keeps what it could not hand over in
// a file, and follows. (Original: no epochs; the old leader went on.)
// Defect: old-leader-not-fenced.
func TestStoppedMasterIsFenced(t *testing.T) {
	m := startMaster(t)
	m.createC()
	p := between(t, m.peer)
	r := startMember(t, "replica", p.Addr())
	m.put("a", 1, "?write_concern=all")
	awaitLevel(t, m, r)
	r.awaitInSync()
	p.Refuse.Store(true)
	p.Cut()
	m.put("lost", 1, "") // nobody else has it
	suspend(t, m)
	r.failover(object{})
	r.awaitWritable()
	r.put("b", 1, "")
	proceed(t, m)
	m.until("fenced", func() bool {
		st, ok := m.tryStatus()
		return ok && st.Role == "Replica" && !st.Writable
	})
	m.http.refused(t, "POST", "/api/v1/collections/c/vectors", row("x", 1), 421, "not_master")
	awaitLevel(t, r, m)
	m.has("a", 1)
	m.has("b", 1)
	if n := sameContent(t, r, m, "c"); n != 2 {
		t.Errorf("%d rows, want 2: the one that nobody else had must not come back", n)
	}
	kept, err := filepath.Glob(filepath.Join(m.dir, "orphaned-*.jsonl"))
	if err != nil || len(kept) != 1 {
		t.Fatalf("%v %v", kept, err)
	}
	text, err := os.ReadFile(kept[0])
	if err != nil || !strings.Contains(string(text), `"lost"`) {
		t.Errorf("%s %v", text, err)
	}
	// Both come back as what they are now.
	m.kill()
	r.kill()
	r.start()
	m.start()
	r.awaitWritable()
	r.put("c", 1, "?write_concern=all")
	awaitLevel(t, r, m)
	m.has("c", 1)
}
