package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/rs/zerolog"
)

var (
	// ErrNotFound says that the key is absent.
	ErrNotFound = errors.New("store: not found")
	// ErrClosed says that the store is closed.
	ErrClosed = errors.New("store: closed")
	// ErrFailed says that an earlier write to disk failed, so nothing more is
	// written until the process restarts; reads go on. The outcome of the
	// commit that met the failure is unknown until then.
	ErrFailed = errors.New("store: write failed, read-only until restart")
)

// Options are the knobs of a Store. Zero values are replaced by defaults.
type Options struct {
	FS            vfs.FS // required
	Dir           string
	CacheBytes    int64  // block cache
	MemtableBytes uint64 // one memtable
	ReadOnly      bool
	Logger        zerolog.Logger
}

// Store is one Pebble with the typed operations the engine needs. Its methods
// may be called from any goroutine; the engine commits from one.
type Store struct {
	db     *pebble.DB
	log    zerolog.Logger
	cache  *pebble.Cache
	guard  *guardFS
	failed atomic.Pointer[failure]
	stuck  atomic.Bool // a panic left Pebble's commit lock held: do not close

	gate   sync.RWMutex // guards: closed, against what is not held off by the engine
	closed bool

	closeOnce sync.Once
	closeErr  error
}

// failure is the first fatal error.
type failure struct{ err error }

// Open opens or creates the Pebble in o.Dir.
func Open(o Options) (*Store, error) {
	if o.CacheBytes == 0 {
		o.CacheBytes = 64 << 20
	}
	if o.MemtableBytes == 0 {
		o.MemtableBytes = 16 << 20
	}
	s := &Store{log: o.Logger}
	s.guard = newGuardFS(o.FS, s.fail)
	o.FS = s.guard
	s.cache = pebble.NewCache(o.CacheBytes)
	defer s.cache.Unref() // Pebble holds its own reference
	db, err := s.open(o)
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", o.Dir, err)
	}
	s.db = db
	if err := s.Failed(); err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", o.Dir, err), s.Close())
	}
	s.guard.armed.Store(true)
	return s, nil
}

// open turns a panic of Pebble on damaged files into an error.
func (s *Store) open(o Options) (db *pebble.DB, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = corrupt("pebble panicked on open: %v", p)
		}
	}()
	return pebble.Open(o.Dir, s.pebbleOptions(o))
}

func (s *Store) pebbleOptions(o Options) *pebble.Options {
	opts := &pebble.Options{
		FS:                          o.FS,
		Cache:                       s.cache,
		ReadOnly:                    o.ReadOnly,
		MemTableSize:                o.MemtableBytes,
		MemTableStopWritesThreshold: 4,
		L0CompactionThreshold:       4,
		L0StopWritesThreshold:       64,
		LBaseMaxBytes:               256 << 20,
		FlushDelayDeleteRange:       10 * time.Second, // space of dropped data comes back
		FormatMajorVersion:          pebble.FormatNewest,
		Logger:                      pebbleLog{s},
		EventListener: &pebble.EventListener{
			BackgroundError: func(err error) {
				s.log.Warn().Str("error", firstLine(err)).
					Msg("store background work failed; it will be retried")
			},
			// A damaged table concerns the collections in it, which the readers
			// of its keys quarantine; Pebble's default would fail the store.
			DataCorruption: func(info pebble.DataCorruptionInfo) {
				s.log.Error().Str("file", info.Path).Str("keys", info.Bounds.String()).
					Str("error", firstLine(info.Details)).Msg("damaged file in the store")
			},
		},
	}
	for i := range opts.Levels {
		// Point reads of absent ids are part of every insert, so the last level
		// has a filter too.
		opts.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
		opts.Levels[i].FilterType = pebble.TableFilter
		opts.Levels[i].BlockSize = 16 << 10
	}
	opts.ApplyCompressionSettings(func() pebble.DBCompressionSettings {
		return pebble.DBCompressionFastest
	})
	return opts
}

// pebbleLog routes Pebble's messages. Fatalf must not end the process: it marks
// the store as failed and returns; every caller checks afterwards.
type pebbleLog struct{ s *Store }

func (l pebbleLog) Infof(format string, args ...any) {
	if e := l.s.log.Trace(); e.Enabled() {
		e.Msgf(format, args...)
	}
}

func (l pebbleLog) Errorf(format string, args ...any) { l.s.log.Error().Msgf(format, args...) }

func (l pebbleLog) Fatalf(format string, args ...any) {
	text, _, _ := strings.Cut(fmt.Sprintf(format, args...), "\n")
	l.s.fail(errors.New(text))
}

// firstLine is err's message without the stack traces that Pebble's errors carry
// behind it.
func firstLine(err error) string {
	if err == nil {
		return ""
	}
	text, _, _ := strings.Cut(err.Error(), "\n")
	return text
}

// fail records the first failure.
func (s *Store) fail(err error) {
	if s.failed.CompareAndSwap(nil, &failure{fmt.Errorf("%w: %w", ErrFailed, err)}) {
		s.log.Error().Err(err).Msg("store failed: writes are refused until restart, reads go on")
	}
}

// Failed returns nil, or the error that made the store read-only.
func (s *Store) Failed() error {
	if f := s.failed.Load(); f != nil {
		return f.err
	}
	return nil
}

// Abandon makes the store read-only, as a failed write would, and lets a commit
// that waits for the disk end with ErrFailed.
func (s *Store) Abandon(why error) { s.guard.note("wait for", "the disk", why) }

// NewBatch starts a batch for Commit.
func (s *Store) NewBatch() *pebble.Batch { return s.db.NewBatch() }

// Commit writes b atomically; with sync it returns after it is durable. After
// an error the store is failed and b's outcome is unknown until restart.
func (s *Store) Commit(b *pebble.Batch, sync bool) (err error) {
	if err := s.Failed(); err != nil {
		return err
	}
	defer func() {
		if p := recover(); p != nil {
			s.stuck.Store(true)
			s.fail(fmt.Errorf("pebble panicked: %v", p))
			err = s.Failed()
		}
	}()
	o := pebble.NoSync
	if sync {
		o = pebble.Sync
	}
	if err := b.Commit(o); err != nil {
		s.fail(err)
	}
	return s.Failed()
}

// Sync makes everything committed so far durable.
func (s *Store) Sync() (err error) {
	s.gate.RLock()
	defer s.gate.RUnlock()
	if s.closed {
		return ErrClosed
	}
	if err := s.Failed(); err != nil {
		return err
	}
	defer func() {
		if p := recover(); p != nil {
			s.stuck.Store(true)
			s.fail(fmt.Errorf("pebble panicked: %v", p))
			err = s.Failed()
		}
	}()
	if err := s.db.LogData(nil, pebble.Sync); err != nil {
		s.fail(err)
	}
	return s.Failed()
}

// Get returns the value of key; the caller closes the closer when done with it.
// Errors: ErrNotFound, ErrCorrupt.
func (s *Store) Get(key []byte) ([]byte, io.Closer, error) {
	v, c, err := s.db.Get(key)
	return v, c, mapError(err)
}

// GetRecord decodes the record under key, aliasing memory that stays valid until
// the closer is closed. Errors: ErrNotFound, ErrCorrupt.
func (s *Store) GetRecord(key []byte) (Record, io.Closer, error) {
	v, c, err := s.Get(key)
	if err != nil {
		return Record{}, nil, err
	}
	r, err := DecodeRecord(key, v)
	if err != nil {
		_ = c.Close()
		return Record{}, nil, fmt.Errorf("record %q: %w", RecordID(key), err)
	}
	return r, c, nil
}

// Iter iterates over [lo, hi). The caller closes it.
func (s *Store) Iter(lo, hi []byte) (*pebble.Iterator, error) {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: lo, UpperBound: hi})
	return it, mapError(err)
}

// IterError returns the error that ended an iteration, mapped.
func IterError(it *pebble.Iterator) error { return mapError(it.Error()) }

// mapError turns Pebble's errors into this package's.
func mapError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, pebble.ErrNotFound):
		return ErrNotFound
	case pebble.IsCorruptionError(err):
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return err
}

// Checkpoint writes a consistent copy of the store, synced, into dir, which must
// not exist. Files are hard links where the file system has them.
func (s *Store) Checkpoint(dir string) error {
	s.gate.RLock()
	defer s.gate.RUnlock()
	if s.closed {
		return ErrClosed
	}
	return mapError(s.db.Checkpoint(dir, pebble.WithFlushedWAL()))
}

// Metrics returns Pebble's counters; zeros after Close.
func (s *Store) Metrics() *pebble.Metrics {
	s.gate.RLock()
	defer s.gate.RUnlock()
	if s.closed {
		return &pebble.Metrics{}
	}
	return s.db.Metrics()
}

// DiskUsage estimates the bytes of [lo, hi) in tables.
func (s *Store) DiskUsage(lo, hi []byte) uint64 {
	s.gate.RLock()
	defer s.gate.RUnlock()
	if s.closed {
		return 0
	}
	n, err := s.db.EstimateDiskUsage(lo, hi)
	if err != nil {
		return 0
	}
	return n
}

// Compact merges everything into the last level, so that what was deleted takes
// no space.
func (s *Store) Compact() error {
	s.gate.RLock()
	defer s.gate.RUnlock()
	if s.closed {
		return ErrClosed
	}
	if err := s.db.Flush(); err != nil {
		return mapError(err)
	}
	return mapError(s.db.Compact(context.Background(), []byte{0}, []byte{0xff}, true))
}

// Close closes Pebble. Get, Iter and Commit may not be running or called later.
func (s *Store) Close() error {
	s.closeOnce.Do(func() {
		s.gate.Lock()
		defer s.gate.Unlock()
		s.closed = true
		if s.stuck.Load() {
			// The commit lock is held for ever: closing would hang. Everything
			// durable is durable; the process is about to end.
			s.closeErr = s.Failed()
			return
		}
		defer func() {
			if p := recover(); p != nil {
				s.closeErr = fmt.Errorf("close store: pebble panicked: %v", p)
			}
		}()
		s.guard.end()
		err := s.db.Close()
		if s.Failed() != nil {
			err = s.Failed()
		}
		if err != nil {
			s.closeErr = fmt.Errorf("close store: %w", err)
		}
	})
	return s.closeErr
}

// Position is the end of the log and its checksum, kept under one key.
type Position struct {
	Offset  uint64
	Epoch   uint64
	Rolling uint64
}

// PutPosition adds the applied position to b.
func PutPosition(b *pebble.Batch, p Position) error {
	op := b.SetDeferred(len(keyApplied), 28)
	copy(op.Key, keyApplied)
	binary.LittleEndian.PutUint64(op.Value[0:], p.Offset)
	binary.LittleEndian.PutUint64(op.Value[8:], p.Epoch)
	binary.LittleEndian.PutUint64(op.Value[16:], p.Rolling)
	binary.LittleEndian.PutUint32(op.Value[24:], crc32.Checksum(op.Value[:24], castagnoli))
	return op.Finish()
}

// Position returns the applied position; the zero Position in a new store.
// Errors: ErrCorrupt.
func (s *Store) Position() (Position, error) {
	v, c, err := s.Get(keyApplied)
	if errors.Is(err, ErrNotFound) {
		return Position{}, nil
	}
	if err != nil {
		return Position{}, err
	}
	defer c.Close()
	if len(v) != 28 || crc32.Checksum(v[:24], castagnoli) != binary.LittleEndian.Uint32(v[24:]) {
		return Position{}, corrupt("applied position")
	}
	return Position{
		Offset:  binary.LittleEndian.Uint64(v[0:]),
		Epoch:   binary.LittleEndian.Uint64(v[8:]),
		Rolling: binary.LittleEndian.Uint64(v[16:]),
	}, nil
}
