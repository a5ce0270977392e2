package node

import (
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/replication"
	"github.com/vectorizer-go/vectorizer/replication/wire"
)

const (
	chunkBytes = 1 << 20
	maxCopies  = 8               // that are kept at once
	copyKept   = 5 * time.Minute // after its last use, so that a cut connection can go on
)

// copyServer keeps the full copies that replicas are fetching.
type copyServer struct {
	n *Node

	mu  sync.Mutex // guards: all, and users, used and over of each
	all map[string]*served
}

// served is one copy.
type served struct {
	id    string
	node  string // that asked for it
	copy  *engine.Copy
	users map[*conn]bool
	used  time.Time
	over  bool     // its node asked for a newer one
	sums  sync.Map // file number -> SHA-256, of what was read once
}

func newCopyServer(n *Node) *copyServer {
	return &copyServer{n: n, all: make(map[string]*served)}
}

// serve answers one request for a copy.
func (s *copyServer) serve(c *conn, q *wire.CopyRequest) {
	log := s.n.log.With().Str("replica", q.NodeID).Str("copy", q.CopyID).Logger()
	stop := s.keepAlive(c)
	cp, err := s.find(c, q)
	stop()
	if err != nil {
		log.Error().Err(err).Msg("a full copy cannot be made")
		return
	}
	if cp == nil {
		_ = s.manifest(c, &wire.Manifest{}) // the replica begins anew
		return
	}
	defer s.release(c, cp)
	m := &wire.Manifest{CopyID: cp.id, HistoryID: cp.copy.HistoryID,
		Epoch: s.n.epoch.Load(), Position: position(cp.copy.Position)}
	for _, f := range cp.copy.Files {
		m.Files = append(m.Files, wire.File(f))
	}
	if err := s.manifest(c, m); err != nil {
		return
	}
	out := &copySender{n: s.n, c: c, of: cp, copy: cp.copy, began: time.Now()}
	if err := out.run(q.File, q.Offset); err != nil {
		log.Info().Err(err).Int64("bytes", out.bytes).Msg("a full copy was cut off")
		return
	}
	s.n.stats.copySent(q.NodeID, cp.copy.Bytes(), time.Since(out.began))
	log.Info().Int64("bytes", out.bytes).Dur("took", time.Since(out.began)).Msg("full copy sent")
}

// keepAlive tells the peer again and again that it is waited for, until stop: a peer
// that hears nothing hangs up.
func (s *copyServer) keepAlive(c *conn) (stop func()) {
	ctx, cancel := context.WithCancel(s.n.ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		for pause(ctx, s.n.opts.PeerTimeout/4); ctx.Err() == nil; pause(ctx, s.n.opts.PeerTimeout/4) {
			if s.wait(c) != nil {
				c.close()
				return
			}
		}
	})
	return func() {
		cancel()
		wg.Wait()
	}
}

func (s *copyServer) wait(c *conn) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.nc.SetWriteDeadline(time.Now().Add(s.n.opts.PeerTimeout)); err != nil {
		return err
	}
	if err := c.w.WriteWait(); err != nil {
		return err
	}
	return c.bw.Flush()
}

func (s *copyServer) manifest(c *conn, m *wire.Manifest) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.w.WriteManifest(m); err != nil {
		return err
	}
	return c.bw.Flush()
}

// find returns the copy that was asked for, a new one, or nil if it is gone.
func (s *copyServer) find(c *conn, q *wire.CopyRequest) (*served, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if q.CopyID != "" {
		cp := s.all[q.CopyID]
		if cp != nil {
			cp.users[c] = true
		}
		return cp, nil
	}
	if replication.Role(s.n.role.Load()) != replication.Master {
		return nil, errors.New("this node is not the master")
	}
	s.endOthers(q.NodeID)
	if len(s.all) >= maxCopies {
		return nil, errors.New("too many full copies at once")
	}
	l := s.n.slot.Acquire()
	defer l.Release()
	cp, err := l.Engine.Freeze(s.n.ctx)
	if err != nil {
		return nil, err
	}
	out := &served{id: uuid.NewString(), node: q.NodeID, copy: cp, users: map[*conn]bool{c: true}}
	s.all[out.id] = out
	s.n.stats.copyMade(cp.Bytes())
	return out, nil
}

// endOthers gives up the copies that node asked for before: it wants another now.
// s.mu is held.
func (s *copyServer) endOthers(node string) {
	for _, cp := range s.all {
		if cp.node != node {
			continue
		}
		cp.over = true
		for c := range cp.users {
			c.close()
		}
	}
	s.removeLocked(func(cp *served) bool { return cp.over && len(cp.users) == 0 })
}

func (s *copyServer) release(c *conn, cp *served) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(cp.users, c)
	cp.used = time.Now()
	s.removeLocked(func(cp *served) bool { return cp.over && len(cp.users) == 0 })
}

// expire removes copies that nobody has asked for in a while.
func (s *copyServer) expire() {
	for s.n.ctx.Err() == nil {
		s.n.pause(time.Second)
		s.remove(func(cp *served) bool { return len(cp.users) == 0 && time.Since(cp.used) > copyKept })
	}
}

func (s *copyServer) remove(which func(*served) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.removeLocked(which)
}

// removeLocked is remove for who holds s.mu.
func (s *copyServer) removeLocked(which func(*served) bool) {
	for id, cp := range s.all {
		if !which(cp) {
			continue
		}
		delete(s.all, id)
		if err := cp.copy.Remove(); err != nil {
			s.n.log.Warn().Err(err).Msg("removing a full copy failed; the next start does")
		}
	}
}

func (s *copyServer) close() { s.remove(func(*served) bool { return true }) }

// copySender sends the files of one copy.
type copySender struct {
	n     *Node
	c     *conn
	of    *served
	copy  *engine.Copy
	began time.Time
	bytes int64
	sums  [][]byte
}

// run sends from a place in a file on. Files before it are read only if their
// checksums are not known.
func (o *copySender) run(file int, offset int64) error {
	buf := make([]byte, chunkBytes)
	for i := range o.copy.Files {
		from := int64(0)
		switch {
		case i < file:
			from = o.copy.Files[i].Bytes
		case i == file:
			from = offset
		}
		if err := o.file(i, from, buf); err != nil {
			return err
		}
	}
	o.c.mu.Lock()
	defer o.c.mu.Unlock()
	err := o.c.w.WriteCopyEnd(&wire.CopyEnd{Files: len(o.copy.Files), Bytes: o.copy.Bytes(), Sums: o.sums})
	if err != nil {
		return err
	}
	return o.c.bw.Flush()
}

// file sends one file from an offset on.
func (o *copySender) file(i int, from int64, buf []byte) (err error) {
	if sum, ok := o.of.sums.Load(i); ok && from == o.copy.Files[i].Bytes {
		o.sums = append(o.sums, sum.([]byte))
		return nil
	}
	f, err := os.Open(filepath.Join(o.copy.Dir, filepath.FromSlash(o.copy.Files[i].Name)))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	h := sha256.New()
	left := o.copy.Files[i].Bytes
	if from < 0 || from > left {
		return errors.New("offset outside the file")
	}
	for at := int64(0); left > 0; {
		n := min(left, int64(len(buf)))
		if at < from {
			n = min(n, from-at)
		}
		if _, err := io.ReadFull(f, buf[:n]); err != nil {
			return err
		}
		if at >= from {
			if err := o.chunk(i, at, buf[:n], h); err != nil {
				return err
			}
		} else {
			h.Write(buf[:n])
		}
		at += n
		left -= n
	}
	sum := h.Sum(nil)
	o.of.sums.Store(i, sum)
	o.sums = append(o.sums, sum)
	return nil
}

// chunk sends a piece, no faster than the configuration allows.
func (o *copySender) chunk(i int, at int64, b []byte, h hash.Hash) error {
	h.Write(b)
	o.c.mu.Lock()
	err := o.c.nc.SetWriteDeadline(time.Now().Add(o.n.opts.PeerTimeout))
	if err == nil {
		err = o.c.w.WriteChunk(&wire.Chunk{File: i, Offset: at, Data: b})
	}
	if err == nil {
		err = o.c.bw.Flush()
	}
	o.c.mu.Unlock()
	if err != nil {
		return err
	}
	o.bytes += int64(len(b))
	if rate := o.n.opts.CopyRate; rate > 0 {
		due := time.Duration(float64(o.bytes) / float64(rate) * float64(time.Second))
		o.n.pause(due - time.Since(o.began))
	}
	return o.n.ctx.Err()
}
