package node

import (
	"net"
	"sync/atomic"
)

// meter counts what a socket carries, frames of TLS included: for the node as a
// whole and for itself. Both counts move before the peer can have the bytes.
type meter struct {
	net.Conn
	total          *traffic
	sent, received atomic.Uint64
}

// traffic is what all sockets of a node have carried.
type traffic struct{ sent, received atomic.Uint64 }

func (m *meter) Write(b []byte) (int, error) {
	// Counted before: whoever sees what these bytes do also sees them counted.
	m.sent.Add(uint64(len(b)))
	m.total.sent.Add(uint64(len(b)))
	n, err := m.Conn.Write(b)
	if lost := uint64(len(b) - n); lost > 0 {
		m.sent.Add(-lost)
		m.total.sent.Add(-lost)
	}
	return n, err
}

func (m *meter) Read(b []byte) (int, error) {
	n, err := m.Conn.Read(b)
	m.received.Add(uint64(n))
	m.total.received.Add(uint64(n))
	return n, err
}
