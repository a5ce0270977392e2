package node

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/replication"
)

const (
	orphanPattern = "orphaned-*.jsonl"
	maxOrphans    = 16 // files; the oldest go
)

// room makes sure that a copy fits on the disk. What is kept for inspection gives
// way to it.
func (f *fetcher) room(bytes int64) error {
	e := f.n.slot.Engine()
	err := e.Room(bytes)
	if err == nil {
		return nil
	}
	kept, listErr := e.Kept()
	if listErr != nil || len(kept) == 0 {
		return errors.Join(fmt.Errorf("%w: %w", errNoRoom, err), listErr)
	}
	f.n.log.Warn().Int("directories", len(kept)).Msg("replaced data that was kept goes: a full copy needs its space")
	if err := e.DropKept(); err != nil {
		return err
	}
	f.n.lookKept()
	if err := e.Room(bytes); err != nil {
		return fmt.Errorf("%w: %w", errNoRoom, err)
	}
	return nil
}

// keep sees to it that what the copy replaces can be inspected: all data of another
// history, or the entries that the master does not have.
func (f *fetcher) keep(old *engine.Engine) error {
	switch f.order.Reason {
	case replication.ReasonHistory:
		f.n.log.Warn().Str("history", old.Identity().HistoryID).
			Msg("the data of another history is kept for inspection")
		return old.KeepData(f.order.Reason)
	case replication.ReasonAhead, replication.ReasonDiverged:
		return f.keepOrphans(old)
	}
	return nil
}

// keepOrphans writes the entries that the master does not have, and that are
// about to go, to a file for inspection.
func (f *fetcher) keepOrphans(e *engine.Engine) error {
	from := f.fork(e)
	if err := e.Barrier(f.ctx); err != nil { // the last writes of clients are in the log
		return err
	}
	tip := e.LogPosition()
	if from > tip.Offset {
		return nil
	}
	name := fmt.Sprintf("orphaned-%d-%d-%s.jsonl", tip.Epoch, max(from, e.LogFirst()),
		time.Now().UTC().Format("20060102T150405.000"))
	out, err := os.OpenFile(filepath.Join(f.n.opts.Dir, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("keep what the master does not have: %w", err)
	}
	n, err := e.DumpLog(out, from)
	if err = errors.Join(err, out.Sync(), out.Close()); err != nil {
		return fmt.Errorf("keep what the master does not have: %w", err)
	}
	f.n.stats.orphaned(n)
	f.n.log.Warn().Str("file", name).Int("entries", n).
		Msg("entries that the new master does not have were kept for inspection")
	return nil
}

// fork is where this node's history leaves the master's.
func (f *fetcher) fork(e *engine.Engine) uint64 {
	ours := make(map[string]bool)
	for _, b := range e.Lineage() {
		ours[b.ID] = true
	}
	for _, b := range f.order.Lineage {
		if !ours[b.ID] {
			return b.From
		}
	}
	if f.order.Reason == replication.ReasonAhead {
		return f.order.Tip.Offset + 1
	}
	return e.LogFirst()
}

// lookKept notes for the status what is kept, and removes the oldest files of
// entries.
func (n *Node) lookKept() {
	kept := []replication.Kept{} // not nil: an empty list in JSON
	l := n.slot.Acquire()
	dirs, err := l.Engine.Kept()
	l.Release()
	for i := range dirs {
		kept = append(kept, replication.Kept(dirs[i]))
	}
	files, globErr := filepath.Glob(filepath.Join(n.opts.Dir, orphanPattern))
	if err = errors.Join(err, globErr); err != nil {
		n.log.Warn().Err(err).Msg("looking for what is kept for inspection")
	}
	var entries []replication.Kept
	for _, path := range files {
		if st, err := os.Stat(path); err == nil {
			k := replication.Kept{Name: st.Name(), Reason: "orphaned", At: st.ModTime().UTC(), Bytes: st.Size()}
			_, err = fmt.Sscanf(st.Name(), "orphaned-%d-%d-", &k.Epoch, &k.Offset)
			if err == nil { // else it is somebody else's
				entries = append(entries, k)
			}
		}
	}
	slices.SortFunc(entries, func(a, b replication.Kept) int { return a.At.Compare(b.At) })
	for _, k := range entries[:max(0, len(entries)-maxOrphans)] {
		if err := os.Remove(filepath.Join(n.opts.Dir, k.Name)); err != nil {
			n.log.Warn().Err(err).Msg("removing an old file of entries")
		}
	}
	kept = append(kept, entries[max(0, len(entries)-maxOrphans):]...)
	n.kept.Store(&kept)
}
