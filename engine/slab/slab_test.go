package slab

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"unsafe"
)

func TestSmallBlockIsAlignedGoMemory(t *testing.T) {
	for _, n := range []int{0, 1, 63, 64, 1000, HeapMaxBytes} {
		b, err := New(n)
		if err != nil {
			t.Fatal(err)
		}
		if !b.OnHeap() || b.Reserved() != n || b.Committed() != n {
			t.Fatalf("%d bytes: heap %v, reserved %d, committed %d",
				n, b.OnHeap(), b.Reserved(), b.Committed())
		}
		if n > 0 && uintptr(unsafe.Pointer(&b.Bytes()[0]))%Align != 0 {
			t.Fatalf("%d bytes: first byte is not on a multiple of %d", n, Align)
		}
		if err := b.Commit(n); err != nil {
			t.Fatal(err)
		}
		b.Release()
	}
}

func TestLargeBlockGrowsInPlace(t *testing.T) {
	reserve := 64 << 20
	if Elastic {
		reserve = 16 << 30
	}
	b, err := New(reserve)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Release()
	words := Of[uint32](b)
	first := &words[0]
	for n := 4096; n <= 48<<20; n *= 3 {
		if err := b.Commit(n); err != nil {
			t.Fatal(err)
		}
		if b.Committed() < n {
			t.Fatalf("asked for %d bytes, %d committed", n, b.Committed())
		}
		last := n/4 - 1
		if words[last] != 0 && n > 4096 {
			t.Fatalf("new memory holds %d", words[last])
		}
		words[last] = uint32(n)
		words[0] = 7
	}
	if first != &Of[uint32](b)[0] || words[0] != 7 || words[4096/4-1] == 0 {
		t.Fatal("the block moved or lost what was written")
	}
}

func TestCommitBeyondReservationPanics(t *testing.T) {
	b, err := New(HeapMaxBytes + 1)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Release()
	defer func() {
		if recover() == nil {
			t.Fatal("no panic")
		}
	}()
	_ = b.Commit(HeapMaxBytes + 2)
}

// writeFile makes a file of n bytes, page i filled with byte i+1.
func writeFile(t *testing.T, n int) *os.File {
	t.Helper()
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(i/4096 + 1)
	}
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestMapFile(t *testing.T) {
	const fileBytes = 5*4096 + 100
	for _, reserve := range []int{8 * 4096, HeapMaxBytes + 4096} { // heap, system
		for _, off := range []int64{0, 4096, 77} { // 77 cannot be mapped
			f := writeFile(t, fileBytes)
			b, err := New(reserve)
			if err != nil {
				t.Fatal(err)
			}
			n := fileBytes - int(off)
			if err := b.MapFile(f, off, n); err != nil {
				t.Fatal(err)
			}
			want := make([]byte, n)
			if _, err := f.ReadAt(want, off); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(b.Bytes()[:n], want) {
				t.Fatalf("reserve %d, offset %d: other bytes than the file's", reserve, off)
			}
			checkCopyOnWrite(t, b, f, off, n)
			b.Release()
		}
	}
}

// checkCopyOnWrite writes through the block, beyond it, and looks at the file.
func checkCopyOnWrite(t *testing.T, b *Block, f *os.File, off int64, n int) {
	t.Helper()
	old := b.Bytes()[3]
	b.Bytes()[3] = old + 1
	got := make([]byte, 1)
	if _, err := f.ReadAt(got, off+3); err != nil {
		t.Fatal(err)
	}
	if got[0] != old {
		t.Fatal("a write to the block reached the file")
	}
	if err := b.Commit(b.Reserved()); err != nil {
		t.Fatal(err)
	}
	last := b.Reserved() - 1
	if b.Bytes()[last] != 0 {
		t.Fatal("memory beyond the file is not zero")
	}
	b.Bytes()[last] = 1
	if b.Bytes()[3] != old+1 || b.Bytes()[n-1] == 0 {
		t.Fatal("commit disturbed the mapped bytes")
	}
}

func TestMapFileRefusesARangeBeyondTheFile(t *testing.T) {
	f := writeFile(t, 4096)
	b, err := New(HeapMaxBytes + 4096)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Release()
	for _, c := range []struct {
		off int64
		n   int
	}{{0, 4097}, {4096, 1}, {-1, 10}, {1 << 60, 4096}} {
		if err := b.MapFile(f, c.off, c.n); err == nil {
			t.Fatalf("%d bytes at %d: no error", c.n, c.off)
		}
	}
	if b.Committed() != 0 && b.os.ready(1) == 0 {
		t.Fatalf("a refused map committed %d bytes", b.Committed())
	}
}

// A block that nobody references is unmapped: reserving far more than the
// address space holds, one block after another, would fail otherwise.
func TestUnreachableBlocksAreReleased(t *testing.T) {
	if !Elastic {
		b, err := New(HeapMaxBytes + 1)
		if err != nil || b.Committed() == 0 {
			t.Fatal(err)
		}
		return
	}
	const each = 4 << 40
	for range 200 { // 800 TiB in all, of the 128 that a process may hold
		b, err := New(each)
		for try := 0; err != nil && try < 100; try++ {
			runtime.GC() // cleanups run in the background after a cycle
			runtime.Gosched()
			b, err = New(each)
		}
		if err != nil {
			t.Fatal(err)
		}
		runtime.KeepAlive(b)
	}
}

func BenchmarkReserveRelease(b *testing.B) {
	for b.Loop() {
		s, err := New(1 << 30)
		if err != nil {
			b.Fatal(err)
		}
		s.Release()
	}
}
