package node

import (
	"testing"

	"github.com/vectorizer-go/vectorizer/replication/netfault"
)

// newProxy puts a proxy that misbehaves on demand in front of target.
func newProxy(t testing.TB, target string) *netfault.Proxy {
	t.Helper()
	p, err := netfault.New(target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() }) // it listened; how that ends proves nothing
	return p
}
