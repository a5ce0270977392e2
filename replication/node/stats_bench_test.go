package node

import (
	"runtime"
	"testing"
	"time"

	"github.com/vectorizer-go/vectorizer/replication"
)

// statisticsOf are the statistics of a master with replicas, each behind a
// connection.
func statisticsOf(replicas int) *stats {
	n := &Node{}
	n.opts.LaggingAfter, n.opts.PeerTimeout = time.Second, time.Minute
	n.conns.all = make(map[replication.ConnID]*conn)
	s := newStats(n)
	n.stats = s
	for i := range replicas {
		f := &feedStats{id: string(rune('a' + i))}
		s.feeds[f.id], s.byConn[replication.ConnID(i+1)] = f, f
	}
	return s
}

// BenchmarkStatistics is everything that is measured of one replicated write: its
// sample on the master, the replica's acknowledgement, and its application on the
// replica. A replicated upsert takes about 350 µs of processor time at both nodes
// together (suite replication), so 1 % of it is 3.5 µs.
func BenchmarkStatistics(b *testing.B) {
	master, replica := statisticsOf(1), statisticsOf(0)
	batch := []*replication.Entries{{}}
	b.ReportAllocs()
	offset := uint64(0)
	for b.Loop() {
		offset++
		now := time.Now().UnixMicro()
		master.sample(offset, 1000*offset)
		replica.applied(now, offset, batch)
		master.heard(&replication.Received{Conn: 1, Msg: &replication.Ack{
			Received: offset, Durable: offset, Applied: offset}})
	}
}

// TestStatisticsMemory: a replica that is away for a million commits, and twenty
// others, cost less than 1 MB.
// Defect: unbounded-queues.
func TestStatisticsMemory(t *testing.T) {
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	s := statisticsOf(21)
	for offset := uint64(1); offset <= 1_000_000; offset++ {
		s.sample(offset, 1000*offset)
	}
	after := heap()
	if grown := int64(after) - int64(before); grown > 1e6 {
		t.Errorf("statistics take %d bytes", grown)
	}
	runtime.KeepAlive(s)
}
