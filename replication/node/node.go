package node

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/replication"
)

// queueEvents bounds the events that wait for the protocol. Whoever has one more
// waits: a connection that is read too fast is then held up by TCP.
const queueEvents = 1024

// Node is one node of a replicated set.
type Node struct {
	opts    Options
	log     zerolog.Logger
	slot    *engine.Slot
	core    *replication.Core    // loop only
	state   state                // loop only, once running
	tip     replication.Position // last told to core; loop only
	dialled string               // the master that was dialled last; loop only
	fresh   *replication.Entries // received, and not handed to the applier; loop only
	late    *replication.Copied  // of a copy that was in place when it was given up; loop only
	began   time.Time

	events    chan event
	requestID atomic.Uint64
	conns     connTable
	apply     *applier
	copies    *copyServer
	fetch     *fetcher // loop only
	stats     *stats
	address   atomic.Pointer[replication.Address]
	entries   atomic.Uint64 // Options.LogEntries, which Configure changes

	lnMu sync.Mutex // guards: ln
	ln   net.Listener

	role  atomic.Int32  // replication.Role, for readers
	epoch atomic.Uint64 // promised, for readers
	lead  atomic.Pointer[replication.Address]

	kept atomic.Pointer[[]replication.Kept]

	wish    atomic.Pointer[replication.Settings] // of the last Configure, to be persisted
	answers sync.Map                             // request id -> chan *replication.Answer

	ctx       context.Context
	cancel    context.CancelFunc
	bg        sync.WaitGroup
	closeOnce sync.Once
	closeErr  error
}

// event is an event with the generation of the applier it belongs to; 0 = any.
type event struct {
	ev         replication.Event
	generation uint64
}

// Open starts the node in the role that its state or the configuration says. When
// it returns, a replica's engine refuses writes already. The engine must be open;
// it is the caller's to close, after Close.
func Open(ctx context.Context, o Options) (*Node, error) {
	if err := o.fill(); err != nil {
		return nil, errs.New(errs.Configuration, "%s", err.Error())
	}
	n := &Node{opts: o, log: o.Logger, slot: o.Slot, began: time.Now(),
		events: make(chan event, queueEvents)}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	n.conns.all = make(map[replication.ConnID]*conn)
	var err error
	if err := removeSpools(o.Dir); err != nil {
		return nil, err
	}
	if n.state, err = readState(o.Dir); err != nil {
		return nil, err
	}
	n.adoptConfig()
	n.entries.Store(o.LogEntries)
	if n.state.LogEntries > 0 {
		n.entries.Store(n.state.LogEntries)
	}
	if n.state.Heartbeat > 0 {
		n.opts.Heartbeat = n.state.Heartbeat
	}
	bind := o.Bind
	if n.state.Bind != "" {
		bind = n.state.Bind
	}
	if bind != "" {
		if err := n.listen(ctx, bind); err != nil {
			return nil, err
		}
	} else {
		n.address.Store(&replication.Address{API: o.API})
	}
	n.stats = newStats(n)
	if !o.NoStats {
		n.stats.load(o.Dir)
	}
	n.lookKept()
	n.apply = newApplier(n)
	n.copies = newCopyServer(n)
	n.startCore()
	return n, nil
}

// adoptConfig settles between the state and the configuration.
func (n *Node) adoptConfig() {
	s := &n.state
	role, master := n.opts.Role.Word(), n.opts.Master
	if s.Role != "" && s.ConfigRole == role && s.ConfigMaster == master {
		if s.Promise.Role != n.opts.Role || s.Promise.Master.Peer != master {
			n.log.Warn().Str("role", s.Promise.Role.Word()).Str("master", s.Promise.Master.Peer).
				Uint64("epoch", s.Promise.Epoch).
				Msg("the role differs from the configuration because of a failover or a configure call; it stays")
		}
		return
	}
	s.ConfigRole, s.ConfigMaster = role, master
	s.Promise.Role, s.Promise.Master = n.opts.Role, replication.Address{Peer: master}
	if n.opts.Role != replication.Replica {
		s.Promise.Master = replication.Address{}
	}
}

// listen opens the replication port.
func (n *Node) listen(ctx context.Context, bind string) error {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", bind)
	if err != nil {
		return errs.New(errs.Configuration, "replication cannot listen on %s", bind).Wrap(err)
	}
	n.lnMu.Lock()
	defer n.lnMu.Unlock()
	n.ln = ln
	a := replication.Address{Peer: n.opts.Advertise, API: n.opts.API}
	if a.Peer == "" {
		a.Peer = ln.Addr().String()
	}
	n.address.Store(&a)
	return nil
}

// listener returns the open replication port, nil if there is none.
func (n *Node) listener() net.Listener {
	n.lnMu.Lock()
	defer n.lnMu.Unlock()
	return n.ln
}

// startCore makes the protocol and starts every goroutine.
func (n *Node) startCore() {
	e := n.slot.Engine()
	var first []replication.Action
	n.core, first = replication.New(replication.Config{
		NodeID: e.Identity().NodeID, Address: *n.address.Load(), Heartbeat: n.opts.Heartbeat,
		PeerTimeout: n.opts.PeerTimeout, BackoffMin: n.opts.ReconnectMin, BackoffMax: n.opts.ReconnectMax,
		Seed: rand.Uint64(),
	}, n.startOf(e), n.now())
	n.perform(first)
	n.publish()
	n.bg.Go(n.run)
	n.bg.Go(n.apply.run)
	n.bg.Go(n.watchLog)
	n.bg.Go(n.copies.expire)
	n.bg.Go(n.heal)
	if !n.opts.NoStats {
		n.bg.Go(n.keepStats)
	}
	if ln := n.listener(); ln != nil {
		n.bg.Go(func() { n.accept(ln) })
	}
}

// startOf describes the data of e to the protocol.
func (n *Node) startOf(e *engine.Engine) replication.Start {
	lineage := e.Lineage()
	return replication.Start{Promise: n.state.Promise, HistoryID: e.Identity().HistoryID,
		Branch: lineage[len(lineage)-1].ID, Tip: position(e.LogPosition())}
}

// position translates.
func position(p engine.LogPosition) replication.Position {
	return replication.Position{Epoch: p.Epoch, Offset: p.Offset, Rolling: p.Rolling}
}

// now is the clock of the protocol.
func (n *Node) now() int64 { return int64(time.Since(n.began)) }

// post hands an event to the protocol; it waits while the queue is full.
func (n *Node) post(ev replication.Event) { n.postOf(ev, 0) }

func (n *Node) postOf(ev replication.Event, generation uint64) {
	select {
	case n.events <- event{ev, generation}:
	case <-n.ctx.Done():
	}
}

// run is the goroutine of the protocol.
func (n *Node) run() {
	tick := time.NewTicker(max(5*time.Millisecond, min(n.opts.Heartbeat, n.opts.PeerTimeout, n.opts.ReconnectMin)/4))
	defer tick.Stop()
	for {
		select {
		case <-n.ctx.Done():
			return
		case <-tick.C:
			n.step(event{ev: &replication.Tick{}})
		case ev := <-n.events:
			n.step(ev)
		}
	}
}

// step feeds one event.
func (n *Node) step(ev event) {
	if ev.generation != 0 && ev.generation != n.apply.generation() {
		return // of an engine that was replaced
	}
	if m, ok := ev.ev.(*replication.Received); ok {
		n.stats.heard(m)
	}
	if n.core.Role() == replication.Master {
		// What replicas say is judged by the log as it is now.
		if tip := position(n.slot.Engine().LogPosition()); tip != n.tip {
			n.tip = tip
			n.perform(n.core.Step(n.now(), &replication.Logged{Tip: tip}))
		}
	}
	if m, ok := ev.ev.(*replication.Received); ok {
		n.fresh, _ = m.Msg.(*replication.Entries)
	}
	n.perform(n.core.Step(n.now(), ev.ev))
	if n.fresh != nil { // refused: of a connection or an epoch that is over
		n.apply.unreserve(len(n.fresh.Data))
		n.fresh = nil
	}
	if m, ok := ev.ev.(*replication.Copied); ok {
		n.copyEnded(m.Failed)
	}
	if late := n.late; late != nil {
		n.late = nil
		n.perform(n.core.Step(n.now(), late))
	}
	n.publish()
}

// publish shows the role to readers.
func (n *Node) publish() {
	n.role.Store(int32(n.core.Role()))
	n.epoch.Store(n.core.Epoch())
	if a := n.core.MasterAddress(); n.lead.Load() == nil || *n.lead.Load() != a {
		n.lead.Store(&a)
	}
}

// watchLog samples commits for the lag.
func (n *Node) watchLog() {
	last := uint64(0)
	for n.ctx.Err() == nil {
		l := n.slot.Acquire()
		// The wait is short, so that an engine that was replaced is let go.
		ctx, cancel := context.WithTimeout(n.ctx, time.Second)
		err := l.Engine.WaitLog(ctx, last)
		cancel()
		tip, bytes := position(l.Engine.LogPosition()), l.Engine.LogBytes()
		l.Release()
		if tip.Offset != last {
			last = tip.Offset
			n.stats.sample(tip.Offset, bytes)
		}
		if err != nil && errs.KindOf(err) == errs.ShuttingDown {
			select {
			case <-n.ctx.Done():
			case <-time.After(10 * time.Millisecond):
			}
		}
		n.pause(2 * time.Millisecond)
	}
}

// pause waits for d or the end.
func (n *Node) pause(d time.Duration) { pause(n.ctx, d) }

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// Close ends every connection and waits for every goroutine. The role stays.
func (n *Node) Close() error {
	n.closeOnce.Do(func() {
		n.cancel()
		if ln := n.listener(); ln != nil {
			n.closeErr = ln.Close()
		}
		n.conns.closeAll()
		n.apply.wake()
		n.bg.Wait()
		n.copies.close()
		n.apply.close()
		if !n.opts.NoStats && replication.Role(n.role.Load()) != replication.Standalone {
			n.closeErr = errors.Join(n.closeErr, n.stats.save(n.opts.Dir))
		}
	})
	return n.closeErr
}

// String names the node in logs.
func (n *Node) String() string {
	return fmt.Sprintf("%s at %s", replication.Role(n.role.Load()), n.address.Load().Peer)
}
