package replication

import (
	"testing"
	"time"
)

// TestOrderDuringCopy: a full copy that an operator asks for while another one is under
// way is fetched when that one is in place.
func TestOrderDuringCopy(t *testing.T) {
	master := Address{Peer: "m"}
	now := int64(time.Second)
	c, out := New(Config{NodeID: "r", Address: Address{Peer: "r"}},
		Start{Promise: Promise{Role: Replica, Epoch: 1, Master: master}}, now)
	step := func(ev Event) {
		now += int64(time.Second)
		out = c.Step(now, ev)
	}
	step(&Sealed{}) // it holds nothing
	copyFor := func(conn ConnID) string {
		t.Helper()
		for range 20 {
			if find[*Dial](out) != nil {
				break
			}
			step(&Tick{})
		}
		step(&Connected{Conn: conn, Out: true})
		hello, ok := (*find[*Send](out)).Msg.(*Hello)
		if !ok || hello.Position != (Position{}) {
			t.Fatalf("greets with %+v", hello)
		}
		step(&Received{conn, &Welcome{NodeID: "m", HistoryID: "h", Epoch: 1, Full: true, Reason: ReasonEmpty,
			Tip: Position{Offset: 5, Epoch: 1}}})
		return (*find[*FetchCopy](out)).Reason
	}
	if reason := copyFor(1); reason != ReasonEmpty {
		t.Fatalf("a copy because: %s", reason)
	}
	step(&Copying{Position{Offset: 5, Epoch: 1}})
	step(&Resync{ID: 7})
	if a := *find[*Answer](out); a.Outcome != OK {
		t.Fatalf("answered %v", a.Outcome)
	}
	step(&Copied{Tip: Position{Offset: 5, Epoch: 1}, History: "h"})
	if reason := copyFor(2); reason != ReasonOrder {
		t.Fatalf("another copy because: %s", reason)
	}
	step(&Copying{Position{Offset: 5, Epoch: 1}})
	step(&Copied{Tip: Position{Offset: 5, Epoch: 1}, History: "h"})
	if c.follow.resync || c.follow.state != streaming {
		t.Fatalf("after it: %+v", c.follow)
	}
}

// find returns the first action of a kind, nil without one.
func find[A Action](all []Action) *A {
	for _, a := range all {
		if is, ok := a.(A); ok {
			return &is
		}
	}
	return nil
}
