package main

import (
	"net"
	"strings"
	"testing"
)

// freeAddress is a loopback address that nothing listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// TestMasterAndReplica starts the two nodes of docs/replication.md, writes on the
// one and reads on the other, and has both compared; then a stranger is compared
// with them.
func TestMasterAndReplica(t *testing.T) {
	const secret = "REPLICATION_SECRET=0123456789abcdef0123456789abcdef"
	link := freeAddress(t)
	s := newSession(t, secret)
	master := start(t, s, "--data-dir", t.TempDir(), "--fsync", "off",
		"--replication-role", "master", "--replication-bind-address", link)
	replica := start(t, newSession(t, secret), "--data-dir", t.TempDir(), "--fsync", "off",
		"--replication-role", "replica", "--replication-master-address", link)
	fill(t, master.url, "films", 20)

	var out string
	eventually(t, "both are equal", func() bool {
		var o buffer
		a := *s.app
		a.out, a.errOut = &o, &o
		code := a.run(t.Context(), []string{"verify", "--url", master.url, "--against", replica.url})
		out = o.String()
		return code == exitOK
	})
	contains(t, out, "equal", "20 records compared")
	var got struct{ ID string }
	ask(t, replica.url, "GET", "/api/v1/collections/films/vectors/v7", nil, &got)
	if got.ID != "v7" {
		t.Errorf("the replica has %+v", got)
	}
	eventually(t, "the topology shows both", func() bool {
		var o buffer
		a := *s.app
		a.out, a.errOut = &o, &o
		return a.run(t.Context(), []string{"status", "--url", master.url}) == exitOK &&
			hasAll(o.String(), "master", "replica", "connected")
	})

	stranger := start(t, newSession(t), "--data-dir", t.TempDir(), "--fsync", "off")
	fill(t, stranger.url, "films", 20)
	var o buffer
	a := *s.app
	a.out, a.errOut = &o, &o
	if code := a.run(t.Context(), []string{"verify", "--url", master.url, "--against", stranger.url}); code == exitOK {
		t.Errorf("a stranger is equal: %s", o.String())
	}
	contains(t, o.String(), "history")
}

func hasAll(text string, parts ...string) bool {
	for _, p := range parts {
		if !strings.Contains(strings.ToLower(text), p) {
			return false
		}
	}
	return true
}
