package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/rs/zerolog"
)

func putCRC(b []byte) {
	n := len(b) - entryTrailer
	binary.LittleEndian.PutUint32(b[n:], crc32.Checksum(b[:n], castagnoli))
}

func TestKeysSortByNumber(t *testing.T) {
	lo, hi := RecordBounds(5)
	for _, c := range []struct {
		key []byte
		in  bool
	}{
		{AppendRecordKey(nil, 5, "\x00"), true}, {AppendRecordKey(nil, 5, "\xff\xff"), true},
		{AppendRecordKey(nil, 4, "\xff"), false}, {AppendRecordKey(nil, 6, "\x00"), false},
	} {
		if in := string(c.key) >= string(lo) && string(c.key) < string(hi); in != c.in {
			t.Errorf("%q in [%q, %q): %v", c.key, lo, hi, in)
		}
	}
	if lo, hi := RecordBounds(^uint32(0)); string(hi) <= string(lo) {
		t.Error("bounds of the last collection")
	}
	if a, b := AppendLogKey(nil, 255), AppendLogKey(nil, 256); string(a) >= string(b) {
		t.Error("log keys out of order")
	}
}

func TestMetaIsChecked(t *testing.T) {
	s, err := Open(Options{FS: vfs.NewMem(), Dir: "db", Logger: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	b := s.NewBatch()
	key := CollKey(1)
	if err := errors.Join(PutJSON(b, key, map[string]int{"a": 1}), PutNextColl(b, 9),
		PutPosition(b, Position{7, 8, 9}), s.Commit(b, true)); err != nil {
		t.Fatal(err)
	}
	var m map[string]int
	if err := s.GetJSON(key, &m); err != nil || m["a"] != 1 {
		t.Fatal(m, err)
	}
	if n, err := s.NextColl(); n != 9 || err != nil {
		t.Fatal(n, err)
	}
	if p, err := s.Position(); p != (Position{7, 8, 9}) || err != nil {
		t.Fatal(p, err)
	}
	for _, key := range [][]byte{key, keyNextColl, keyApplied} {
		v, c, err := s.Get(key)
		if err != nil {
			t.Fatal(err)
		}
		bad := append([]byte(nil), v...)
		c.Close()
		bad[0] ^= 1
		b := s.NewBatch()
		if err := errors.Join(b.Set(key, bad, nil), s.Commit(b, true)); err != nil {
			t.Fatal(err)
		}
	}
	_, err1 := s.NextColl()
	_, err2 := s.Position()
	for _, err := range []error{s.GetJSON(key, &m), err1, err2} {
		if !errors.Is(err, ErrCorrupt) {
			t.Error(err)
		}
	}
}

// TestFailedWriteIsNotFatal fails the n-th write-side call of the file system,
// for every n: the process lives, Commit reports it, later commits are refused,
// reads go on, Close returns.
func TestFailedWriteIsNotFatal(t *testing.T) {
	failed := 0
	for n := 0; ; n++ {
		var calls, armed atomic.Int64
		fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind.ReadOrWrite() != errorfs.OpIsWrite || armed.Load() == 0 {
				return nil
			}
			if calls.Add(1) > int64(n) {
				return syscall.EIO
			}
			return nil
		}))
		s, err := Open(Options{FS: fs, Dir: "db", Logger: zerolog.Nop(), MemtableBytes: 64 << 10})
		if err != nil {
			t.Fatal(err)
		}
		armed.Store(1)
		ok := commitUntilFailure(t, s, 40)
		if err := s.Close(); err != nil && s.Failed() == nil && calls.Load() <= int64(n) {
			t.Fatalf("n=%d: close: %v", n, err)
		}
		if ok == 40 {
			break
		}
		failed++
		if n > 2000 {
			t.Fatal("the sweep does not end")
		}
	}
	if failed < 40 {
		t.Fatalf("only %d calls failed", failed)
	}
}

// commitUntilFailure commits up to max batches and returns how many succeeded.
// All of them must be readable, failure or not.
func commitUntilFailure(t *testing.T, s *Store, max int) (done int) {
	t.Helper()
	for ; done < max; done++ {
		b := s.NewBatch()
		if err := b.Set(fmt.Appendf(nil, "k%04d", done), make([]byte, 4<<10), nil); err != nil {
			t.Fatal(err)
		}
		if err := s.Commit(b, true); err != nil {
			if !errors.Is(err, ErrFailed) {
				t.Fatal(err)
			}
			break
		}
	}
	for i := range done {
		_, c, err := s.Get(fmt.Appendf(nil, "k%04d", i))
		if err != nil {
			t.Fatalf("committed key %d of %d: %v", i, done, err)
		}
		c.Close()
	}
	if done < max {
		b := s.NewBatch()
		if err := errors.Join(b.Set([]byte("x"), nil, nil)); err != nil {
			t.Fatal(err)
		}
		if err := s.Commit(b, true); !errors.Is(err, ErrFailed) {
			t.Fatalf("commit after a failure: %v", err)
		}
	}
	return done
}
