package node

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/replication"
	"github.com/vectorizer-go/vectorizer/replication/wire"
)

// stats is what a node measures of itself. Counters are atomics; reading them
// costs no network call and does not disturb the protocol.
type stats struct {
	n       *Node
	samples replication.LagSamples
	history logHistory

	traffic      traffic
	snapshotSize atomic.Int64
	applied_     atomic.Uint64 // operations
	applyErrors  atomic.Uint64
	partial      atomic.Uint64
	reconnects   atomic.Uint64
	resumed      atomic.Uint64
	orphans      atomic.Uint64
	promotions   atomic.Uint64
	fencings     atomic.Uint64
	emptied      atomic.Uint64 // masters that were empty, and not followed
	copyTook     atomic.Int64  // last, nanoseconds

	masterOffset atomic.Uint64 // as last heard
	received_    atomic.Uint64 // last offset received
	lastHeard    atomic.Int64  // from the master, unix microseconds
	lastLevel    atomic.Int64  // when nothing was missing, unix microseconds
	behindSince  atomic.Int64  // commit time of the last applied entry by our clock, while behind
	lagUs        atomic.Int64  // of the last entry when it was applied
	inSync       atomic.Bool
	clock        clockOffset

	mu       sync.Mutex // guards: everything below
	feeds    map[string]*feedStats
	byConn   map[replication.ConnID]*feedStats
	full     map[string]uint64
	reject   map[string]uint64
	copying  *replication.CopyStatus
	copyDone atomic.Int64
}

// feedStats is what the master knows of one replica. It outlives connections.
type feedStats struct {
	id         string
	reconnects uint64

	bytes, entries, ops         atomic.Uint64
	received, durable, applied_ atomic.Uint64
	joined                      atomic.Uint64
	heard                       atomic.Int64 // unix microseconds

	// Under stats.mu.
	address   replication.Address
	remote    string
	connected bool
	streaming bool
	since     time.Time
	reason    string // of the last full copy
	conn      *conn
}

func (f *feedStats) sent(span engine.LogSpan, bytes uint64) {
	f.bytes.Add(bytes)
	f.entries.Add(span.Last - span.First + 1)
	f.ops.Add(uint64(span.Ops))
}

func newStats(n *Node) *stats {
	return &stats{n: n, feeds: make(map[string]*feedStats), byConn: make(map[replication.ConnID]*feedStats),
		full: make(map[string]uint64), reject: make(map[string]uint64)}
}

// heard notes what a message says before the protocol sees it.
func (s *stats) heard(ev *replication.Received) {
	now := time.Now().UnixMicro()
	switch m := ev.Msg.(type) {
	case *replication.Hello:
		s.hello(ev.Conn, m)
		return
	case *replication.Ack:
		s.mu.Lock()
		f := s.byConn[ev.Conn]
		s.mu.Unlock()
		if f != nil {
			f.heard.Store(now)
			f.received.Store(m.Received)
			f.durable.Store(max(m.Durable, f.durable.Load()))
			f.applied_.Store(max(m.Applied, f.applied_.Load()))
			s.confirmed()
		}
		return
	case *replication.Welcome:
		s.masterOffset.Store(m.Tip.Offset)
		if !m.Full {
			s.level(now)
		}
	case *replication.Ping:
		s.clock.add(m.TimeUs, now)
		s.inSync.Store(m.InSync)
		s.masterOffset.Store(max(m.Offset, s.masterOffset.Load()))
		s.level(now)
	case *replication.Entries:
		s.received_.Store(m.Last)
		s.masterOffset.Store(max(m.Last, s.masterOffset.Load()))
	}
	if c := s.n.conns.get(ev.Conn); c != nil {
		s.lastHeard.Store(now)
	}
}

// confirmed lets go of samples that every replica has passed.
func (s *stats) confirmed() {
	s.mu.Lock()
	low := ^uint64(0)
	for _, f := range s.feeds {
		low = min(low, f.durable.Load())
	}
	s.mu.Unlock()
	s.samples.Confirmed(low)
}

// hello notes a replica that comes.
func (s *stats) hello(id replication.ConnID, m *replication.Hello) {
	c := s.n.conns.get(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.feeds[m.NodeID]
	if f == nil {
		f = &feedStats{id: m.NodeID}
		s.feeds[m.NodeID] = f
	} else {
		f.reconnects++
		s.reconnects.Add(1)
	}
	f.durable.Store(m.Position.Offset)
	f.applied_.Store(m.Position.Offset)
	f.received.Store(m.Position.Offset)
	f.heard.Store(time.Now().UnixMicro())
	f.address, f.connected, f.streaming, f.since, f.conn = m.Address, true, false, time.Now(), c
	if c != nil {
		f.remote = c.nc.RemoteAddr().String()
		c.node = m.NodeID
	}
	s.byConn[id] = f
}

// feedOf returns the figures of the replica behind c, which now is fed.
func (s *stats) feedOf(c *conn) *feedStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.byConn[c.id]
	if f == nil {
		f = &feedStats{} // it said no Hello: nobody reads this
	}
	f.streaming = true
	f.joined.Store(s.n.slot.Engine().LogPosition().Offset)
	return f
}

// gone notes the end of a connection.
func (s *stats) gone(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.byConn[c.id]
	delete(s.byConn, c.id)
	if f != nil && f.conn == c {
		f.connected, f.streaming, f.since, f.conn = false, false, time.Now(), nil
	}
}

// sample notes a commit, for the lag and for what is kept of the log.
func (s *stats) sample(offset, bytes uint64) {
	s.history.add(offset, bytes, time.Now())
	if !s.n.opts.NoStats {
		s.samples.Add(offset, time.Now().UnixMicro())
	}
}

// applied notes replicated entries that are in place.
func (s *stats) applied(timeUs int64, offset uint64, batch []*replication.Entries) {
	ops := 0
	for _, e := range batch {
		ops += engine.CountOps(e.Data)
	}
	s.applied_.Add(uint64(ops))
	now := time.Now().UnixMicro()
	s.lagUs.Store(max(0, now-timeUs-s.clock.get()))
	s.behindSince.Store(timeUs)
	if offset >= s.masterOffset.Load() {
		s.lastLevel.Store(now)
	}
}

// level notes that nothing is missing.
func (s *stats) level(now int64) {
	if s.n.slot.Engine().LogPosition().Offset >= s.masterOffset.Load() {
		s.lastLevel.Store(now)
	}
}

func (s *stats) applyFailed()         { s.applyErrors.Add(1) }
func (s *stats) copyResumed()         { s.resumed.Add(1) }
func (s *stats) orphaned(entries int) { s.orphans.Add(uint64(entries)) }
func (s *stats) copyMade(bytes int64) { s.snapshotSize.Store(bytes) }
func (s *stats) copyBytesIn(bytes int) {
	s.copyDone.Add(int64(bytes))
}

// rejected counts a frame or a peer that was refused.
func (s *stats) rejected(reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reject[reason]++
}

// note counts what the protocol says.
func (s *stats) note(a *replication.Note) {
	switch a.What {
	case replication.NotePartial:
		s.partial.Add(1)
	case replication.NoteFull:
		s.mu.Lock()
		s.full[a.Text]++
		if f := s.feeds[a.Node]; f != nil {
			f.reason = a.Text
		}
		s.mu.Unlock()
	case replication.NoteStale:
		s.rejected(replication.NoteStale)
	case replication.NotePromoted:
		s.promotions.Add(1)
	case replication.NoteEmpty:
		s.emptied.Add(1)
	case replication.NoteFenced:
		s.fencings.Add(1)
	}
}

func (s *stats) copyBegan(reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.full[reason]++
	s.copyDone.Store(0)
	s.copying = &replication.CopyStatus{Reason: reason, Since: time.Now().UTC()}
}

func (s *stats) copyPlanned(m *wire.Manifest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := *s.copying
	c.Files = len(m.Files)
	for _, f := range m.Files {
		c.BytesTotal += f.Bytes
	}
	s.copying = &c
}

func (s *stats) copyEnded(bytes int64, took time.Duration, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.copying = nil
	if ok {
		s.lastLevel.Store(time.Now().UnixMicro())
		s.snapshotSize.Store(bytes)
		s.copyTook.Store(int64(took))
	}
}

func (s *stats) copySent(_ string, bytes int64, took time.Duration) {
	s.snapshotSize.Store(bytes)
	s.copyTook.Store(int64(took))
}

// clockOffset estimates how far our clock is ahead of the master's, with the
// shortest way of a message in it: the least difference over the last two windows
// of pings (the filter of NTP, RFC 5905 section 10, reduced to what a lag needs).
type clockOffset struct {
	mu       sync.Mutex // guards: now, before, n, known
	now      int64
	before   int64
	n        int
	known    bool
	previous bool
}

const clockWindow = 8

func (c *clockOffset) add(masterUs, oursUs int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := oursUs - masterUs
	if c.n == clockWindow {
		c.before, c.previous, c.n = c.now, true, 0
	}
	if c.n == 0 || d < c.now {
		c.now = d
	}
	c.n++
	c.known = true
}

func (c *clockOffset) get() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.previous {
		return min(c.now, c.before)
	}
	return c.now
}
