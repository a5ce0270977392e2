package listen

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
)

func TestTCP(t *testing.T) {
	first, err := TCP(context.Background(), "127.0.0.1", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	port := first.Addr().(*net.TCPAddr).Port
	f := func(host string, port int, inUse bool, want string) {
		t.Helper()
		l, err := TCP(context.Background(), host, port)
		if err == nil {
			l.Close()
			t.Fatalf("%s %d: listens", host, port)
		}
		var e *Error
		if !errors.As(err, &e) || e.InUse != inUse || !strings.Contains(err.Error(), want) {
			t.Errorf("%s %d: %v", host, port, err)
		}
	}
	f("127.0.0.1", port, true, fmt.Sprintf("port %d of 127.0.0.1 is already in use", port))
	f("203.0.113.7", 0, false, "203.0.113.7 is not an address of this machine")
	f("name.invalid", 0, false, "name.invalid")
}
