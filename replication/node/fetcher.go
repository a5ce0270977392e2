package node

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"time"

	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/replication"
	"github.com/vectorizer-go/vectorizer/replication/wire"
)

// copyAttempts is how often a cut connection is resumed without any progress.
const copyAttempts = 10

// fetcher brings one full copy.
type fetcher struct {
	n      *Node
	order  *replication.FetchCopy
	ctx    context.Context
	cancel context.CancelFunc
	ended  chan struct{}

	manifest *wire.Manifest
	stage    string
	file     int // being received
	offset   int64
	out      *os.File
	hash     hash.Hash
	sums     [][]byte
	began    time.Time
	placed   *replication.Copied // the copy serves; read after ended
	heard    bool                // placed is in the queue of events
}

// fetchCopy starts a copy. Entries go to a spool from now on.
func (n *Node) fetchCopy(a *replication.FetchCopy) {
	n.dropCopy()
	f := &fetcher{n: n, order: a, ended: make(chan struct{}), began: time.Now()}
	f.ctx, f.cancel = context.WithCancel(n.ctx)
	s, err := newSpool(n.opts.Dir, n.opts.LogBytes, func(more int64) error { return n.slot.Engine().Room(more) })
	if err != nil {
		n.log.Error().Err(err).Msg("a full copy cannot be spooled")
		n.bg.Go(func() { n.post(&replication.Copied{Failed: true}) })
		return
	}
	n.apply.divert(s)
	n.fetch = f
	n.stats.copyBegan(a.Reason)
	n.bg.Go(f.run)
}

// dropCopy gives up the copy under way and waits for its end.
func (n *Node) dropCopy() {
	if n.fetch == nil {
		return
	}
	f := n.fetch
	f.cancel()
	<-f.ended
	n.fetch = nil
	n.apply.restore()
	if f.placed != nil && !f.heard {
		n.late = f.placed // too late to be given up: the protocol must know what the data is
	}
}

// run fetches, adopts and reports.
func (f *fetcher) run() {
	defer close(f.ended)
	defer f.cancel()
	e, err := f.bring()
	if err != nil {
		f.n.log.Warn().Err(err).Str("reason", f.order.Reason).Msg("full copy failed")
	}
	if e == nil {
		f.n.stats.copyEnded(0, time.Since(f.began), false)
		f.post(&replication.Copied{Failed: true})
		return
	}
	lineage, tip := e.Lineage(), position(e.LogPosition())
	size := f.manifest.Bytes()
	f.n.stats.copyEnded(size, time.Since(f.began), true)
	f.n.log.Info().Str("reason", f.order.Reason).Int64("bytes", size).Uint64("offset", tip.Offset).
		Dur("took", time.Since(f.began)).Msg("full copy is in place")
	f.placed = &replication.Copied{Tip: tip, Branch: lineage[len(lineage)-1].ID,
		History: e.Identity().HistoryID, Failed: err != nil}
	f.heard = f.post(f.placed)
	f.n.apply.release()
}

// post hands an event to the protocol unless the copy was given up.
func (f *fetcher) post(ev replication.Event) bool {
	select {
	case f.n.events <- event{ev, 0}:
		return true
	case <-f.ctx.Done():
		return false
	}
}

// bring does everything up to the moment when the copy serves with what was
// spooled. With an engine the copy is in place, whatever the error is.
func (f *fetcher) bring() (*engine.Engine, error) {
	if err := f.fetch(); err != nil {
		if f.out != nil {
			err = errors.Join(err, f.out.Close())
		}
		if f.stage != "" {
			err = errors.Join(err, os.RemoveAll(f.stage))
		}
		return nil, err
	}
	slot := f.n.slot
	old := slot.Engine() // nobody else replaces it
	if err := f.keep(old); err != nil {
		return nil, errors.Join(err, os.RemoveAll(f.stage))
	}
	e, err := old.Adopt(f.ctx, f.stage)
	if err != nil {
		return nil, err
	}
	e.RefuseWrites(errNotMaster(*f.n.lead.Load()))
	slot.Replace(e, func(err error) {
		if err != nil {
			f.n.log.Warn().Err(err).Msg("closing the data that a full copy replaced")
		}
		f.n.lookKept()
	})
	return e, f.n.apply.settle(f.ctx, e)
}

// fetch receives every file, over as many connections as it takes.
func (f *fetcher) fetch() error {
	var last error
	for left := copyAttempts; left > 0; left-- {
		file, offset := f.file, f.offset
		done, err := f.attempt()
		if done || f.ctx.Err() != nil {
			return errors.Join(err, f.ctx.Err())
		}
		if errors.Is(err, errCopyGone) {
			return err
		}
		last = err
		if f.file != file || f.offset != offset {
			left = copyAttempts
		}
		f.n.log.Info().Err(err).Int("file", f.file).Int64("offset", f.offset).Msg("full copy was cut off and goes on")
		f.n.stats.copyResumed()
		f.n.pause(f.n.opts.ReconnectMin)
	}
	return fmt.Errorf("given up after %d attempts: %w", copyAttempts, last)
}

// errCopyGone says that the master does not have the copy any more.
var errCopyGone = errors.New("the master has dropped the copy")

// attempt receives what one connection brings.
func (f *fetcher) attempt() (done bool, err error) {
	c, err := f.n.open(f.ctx, f.order.Addr)
	if err != nil {
		return false, err
	}
	defer c.close()
	stop := context.AfterFunc(f.ctx, c.close)
	defer stop()
	q := &wire.CopyRequest{NodeID: f.n.slot.Engine().Identity().NodeID, File: f.file, Offset: f.offset}
	if f.manifest != nil {
		q.CopyID = f.manifest.CopyID
	}
	if err := c.nc.SetDeadline(time.Time{}); err != nil {
		return false, err
	}
	if err := f.request(c, q); err != nil {
		return false, err
	}
	m, err := f.awaitManifest(c)
	if err != nil {
		return false, err
	}
	if f.manifest == nil {
		err = f.begin(m)
	} else if m.CopyID != f.manifest.CopyID {
		err = errCopyGone
	}
	if err != nil {
		return errors.Is(err, errManifest) || errors.Is(err, errNoRoom), err
	}
	for {
		if err := c.nc.SetReadDeadline(time.Now().Add(f.n.opts.PeerTimeout)); err != nil {
			return false, err
		}
		chunk, end, err := c.r.ReadCopy()
		if err != nil {
			return false, err
		}
		if end != nil {
			return true, f.finish(end)
		}
		if chunk == nil {
			continue
		}
		if err := f.write(chunk); err != nil {
			return true, err
		}
		f.n.stats.copyBytesIn(len(chunk.Data))
	}
}

// awaitManifest waits for as long as the master is alive: it may have to write index
// images first.
func (f *fetcher) awaitManifest(c *conn) (*wire.Manifest, error) {
	for {
		if err := c.nc.SetReadDeadline(time.Now().Add(f.n.opts.PeerTimeout)); err != nil {
			return nil, err
		}
		if m, err := c.r.ReadManifest(); m != nil || err != nil {
			return m, err
		}
	}
}

func (f *fetcher) request(c *conn, q *wire.CopyRequest) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.w.WriteCopyRequest(q); err != nil {
		return err
	}
	return c.bw.Flush()
}

// errManifest says that a manifest asks for what no copy has.
var errManifest = errors.New("manifest of a full copy is not valid")

// errNoRoom says that a copy does not fit on the disk. It is tried again later.
var errNoRoom = errors.New("no room for a full copy")

// begin checks the manifest: a peer's, so hostile.
func (f *fetcher) begin(m *wire.Manifest) error {
	seen := make(map[string]bool, len(m.Files))
	for _, file := range m.Files {
		if !engine.StageFile(file.Name) || seen[file.Name] || file.Bytes < 0 {
			return fmt.Errorf("%w: file %q of %d bytes", errManifest, file.Name, file.Bytes)
		}
		seen[file.Name] = true
	}
	if m.CopyID == "" || len(m.Files) == 0 {
		return fmt.Errorf("%w: it is empty", errManifest)
	}
	// The disk must hold old and new data beside each other, and the spool.
	if err := f.room(m.Bytes()); err != nil {
		return err
	}
	stage, err := f.n.slot.Engine().NewStage()
	if err != nil {
		return err
	}
	f.stage, f.manifest = stage, m
	f.n.stats.copyPlanned(m)
	f.post(&replication.Copying{Position: m.Position})
	return f.open()
}

// open creates the files up to the next that has content.
func (f *fetcher) open() error {
	for f.file < len(f.manifest.Files) {
		file := f.manifest.Files[f.file]
		out, err := os.OpenFile(filepath.Join(f.stage, filepath.FromSlash(file.Name)),
			os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
		if err != nil {
			return err
		}
		f.out, f.hash, f.offset = out, sha256.New(), 0
		if file.Bytes > 0 {
			return nil
		}
		if err := f.closeFile(); err != nil {
			return err
		}
	}
	return nil
}

// closeFile makes the file durable and goes to the next.
func (f *fetcher) closeFile() error {
	err := errors.Join(f.out.Sync(), f.out.Close())
	f.out = nil
	f.sums = append(f.sums, f.hash.Sum(nil))
	f.file++
	f.offset = 0
	return err
}

// write stores a chunk, which must be the next.
func (f *fetcher) write(c *wire.Chunk) error {
	if c.File != f.file || c.Offset != f.offset || f.out == nil || len(c.Data) == 0 ||
		c.Offset+int64(len(c.Data)) > f.manifest.Files[f.file].Bytes {
		return fmt.Errorf("chunk of file %d at %d where file %d at %d is due", c.File, c.Offset, f.file, f.offset)
	}
	if _, err := f.out.Write(c.Data); err != nil {
		return err
	}
	f.hash.Write(c.Data)
	f.offset += int64(len(c.Data))
	if f.offset < f.manifest.Files[f.file].Bytes {
		return nil
	}
	if err := f.closeFile(); err != nil {
		return err
	}
	return f.open()
}

// finish compares the checksums of all files.
func (f *fetcher) finish(end *wire.CopyEnd) error {
	if f.file != len(f.manifest.Files) || len(end.Sums) != len(f.sums) {
		return fmt.Errorf("copy ends after %d of %d files", f.file, len(f.manifest.Files))
	}
	for i := range f.sums {
		if !bytes.Equal(f.sums[i], end.Sums[i]) {
			return fmt.Errorf("file %s does not match its checksum", f.manifest.Files[i].Name)
		}
	}
	return nil
}

// copyEnded lets go of the copy once the protocol has heard of its end.
func (n *Node) copyEnded(failed bool) {
	n.fetch = nil
	if failed {
		n.apply.restore()
	}
}
