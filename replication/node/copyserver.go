package node

import (
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

	mu  sync.Mutex // guards: all
	all map[string]*served
}

// served is one copy.
type served struct {
	id    string
	copy  *engine.Copy
	users int
	used  time.Time
}

func newCopyServer(n *Node) *copyServer {
	return &copyServer{n: n, all: make(map[string]*served)}
}

// serve answers one request for a copy.
func (s *copyServer) serve(c *conn, q *wire.CopyRequest) {
	log := s.n.log.With().Str("replica", q.NodeID).Str("copy", q.CopyID).Logger()
	cp, err := s.find(q)
	if err != nil {
		log.Error().Err(err).Msg("a full copy cannot be made")
		return
	}
	if cp == nil {
		_ = s.manifest(c, &wire.Manifest{}) // the replica begins anew
		return
	}
	defer s.release(cp)
	m := &wire.Manifest{CopyID: cp.id, HistoryID: cp.copy.HistoryID,
		Epoch: s.n.epoch.Load(), Position: position(cp.copy.Position)}
	for _, f := range cp.copy.Files {
		m.Files = append(m.Files, wire.File(f))
	}
	if err := s.manifest(c, m); err != nil {
		return
	}
	out := &copySender{n: s.n, c: c, copy: cp.copy, began: time.Now()}
	if err := out.run(q.File, q.Offset); err != nil {
		log.Info().Err(err).Int64("bytes", out.bytes).Msg("a full copy was cut off")
		return
	}
	s.n.stats.copySent(q.NodeID, cp.copy.Bytes(), time.Since(out.began))
	log.Info().Int64("bytes", out.bytes).Dur("took", time.Since(out.began)).Msg("full copy sent")
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
func (s *copyServer) find(q *wire.CopyRequest) (*served, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if q.CopyID != "" {
		cp := s.all[q.CopyID]
		if cp != nil {
			cp.users++
		}
		return cp, nil
	}
	if replication.Role(s.n.role.Load()) != replication.Master {
		return nil, errors.New("this node is not the master")
	}
	if len(s.all) >= maxCopies {
		return nil, errors.New("too many full copies at once")
	}
	l := s.n.slot.Acquire()
	defer l.Release()
	cp, err := l.Engine.Freeze(s.n.ctx)
	if err != nil {
		return nil, err
	}
	out := &served{id: uuid.NewString(), copy: cp, users: 1}
	s.all[out.id] = out
	s.n.stats.copyMade(cp.Bytes())
	return out, nil
}

func (s *copyServer) release(cp *served) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cp.users--
	cp.used = time.Now()
}

// expire removes copies that nobody has asked for in a while.
func (s *copyServer) expire() {
	for s.n.ctx.Err() == nil {
		s.n.pause(time.Second)
		s.remove(func(cp *served) bool { return cp.users == 0 && time.Since(cp.used) > copyKept })
	}
}

func (s *copyServer) remove(which func(*served) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
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
	copy  *engine.Copy
	began time.Time
	bytes int64
	sums  [][]byte
}

// run sends from a place in a file on. Files before it are only read, for their
// checksums.
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
	o.sums = append(o.sums, h.Sum(nil))
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
	o.n.stats.copyBytes.Add(uint64(len(b)))
	if rate := o.n.opts.CopyRate; rate > 0 {
		due := time.Duration(float64(o.bytes) / float64(rate) * float64(time.Second))
		o.n.pause(due - time.Since(o.began))
	}
	return o.n.ctx.Err()
}
