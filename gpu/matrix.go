package gpu

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/gpu/driver"
	"github.com/vectorizer-go/vectorizer/kernels"
)

// matrix is a compute.Matrix in device memory. Rows behind Len are written beside
// searches and published by storing the length; rows that searches may be reading
// are replaced while none runs.
type matrix struct {
	s          *session
	spec       compute.MatrixSpec
	stride     int // components
	halfStride int // words of 16 bits that tensor cores read, 0 = none
	rows       driver.Ptr
	half       driver.Ptr // bf16 copy of rows in F32; other rows need none
	stats      driver.Ptr // what bounds the error of what tensor cores read
	bytes      uint64
	host       *hostRows // the rows, when they do not fit: see tiles.go

	length  atomic.Int64
	replace sync.RWMutex // guards: the contents of rows below length on the device, and closed
	closed  bool
	writer  sync.Mutex // guards: Write against itself
}

// NewMatrix reserves device memory. Errors: ErrUnsupported for a shape outside the
// contract, ErrNoMemory when less than
// Options.ReserveBytes would be left, ErrDeviceLost.
func (b *Backend) NewMatrix(spec compute.MatrixSpec) (compute.Matrix, error) {
	if err := checkSpec(spec); err != nil {
		return nil, err
	}
	s, err := b.current()
	if err != nil {
		return nil, err
	}
	m := newMatrix(s, spec)
	if err := s.submit(newJob(m.alloc, nil), nil); err != nil {
		return nil, typed(err)
	}
	b.stats.matrices.Add(1)
	b.stats.matrixBytes.Add(m.deviceBytes())
	return m, nil
}

// Fits reports whether NewMatrix would find room for the rows now.
func (b *Backend) Fits(spec compute.MatrixSpec) bool {
	s, err := b.current()
	if err != nil || checkSpec(spec) != nil {
		return false
	}
	fits := false
	err = s.submit(newJob(func(l *lane) error {
		free, total, err := l.device.Memory()
		fits = newMatrix(s, spec).leastBytes() <= roomOf(free, total, l.o)
		return err
	}, nil), nil)
	return err == nil && fits
}

func checkSpec(spec compute.MatrixSpec) error {
	if spec.Dim < 1 || spec.Dim > compute.MaxDim || spec.Metric < compute.L2 || spec.Metric > compute.Cosine ||
		spec.Rows < 1 || uint64(spec.Rows) >= uint64(compute.NoRow) ||
		spec.Elem < compute.F32 || spec.Elem > compute.I8 {
		return fmt.Errorf("%w: gpu: %+v", compute.ErrUnsupported, spec)
	}
	return nil
}

// roomOf is the device memory that matrices may still take.
func roomOf(free, total uint64, o *Options) uint64 {
	reserve := o.ReserveBytes
	if reserve == 0 {
		reserve = total / 16
	}
	return free - min(free, reserve)
}

func newMatrix(s *session, spec compute.MatrixSpec) *matrix {
	m := &matrix{s: s, spec: spec, stride: (spec.Dim + 3) &^ 3, halfStride: (spec.Dim + 31) &^ 31}
	switch spec.Elem {
	case compute.F16:
		m.stride = m.halfStride
	case compute.I8:
		m.stride = (spec.Dim + 63) &^ 63
		m.halfStride = m.stride / 2
	}
	return m
}

// packed reports whether rows are held as f16 or codes, which tensor cores read as
// they are.
func (m *matrix) packed() bool { return m.spec.Elem != compute.F32 }

// rowBytes is the device memory of a row.
func (m *matrix) rowBytes() uint64 {
	if m.packed() {
		return uint64(m.halfStride) * 2
	}
	return uint64(m.stride) * 4
}

// words is where tensor cores read the rows.
func (m *matrix) words() driver.Ptr {
	if m.packed() {
		return m.rows
	}
	return m.half
}

// leastBytes is the device memory that the rows cannot do without.
func (m *matrix) leastBytes() uint64 {
	n := uint64(m.spec.Rows)
	if m.packed() {
		return n * (m.rowBytes() + statsBytes)
	}
	return n * m.rowBytes()
}

// alloc reserves the memory, if enough is left beside it; the copy in bf16 only if
// that fits too.
func (m *matrix) alloc(l *lane) error {
	free, total, err := l.device.Memory()
	if err != nil {
		return err
	}
	room, n := roomOf(free, total, l.o), uint64(m.spec.Rows)
	rows, half, stats := n*m.rowBytes(), n*uint64(m.halfStride)*2, n*uint64(statsBytes)
	if least := m.leastBytes(); least > room {
		return &driver.Error{
			Code: driver.OutOfMemory, Op: "new matrix",
			Detail: fmt.Sprintf("%d bytes for %d rows of %d components, %d free, %d of them kept back",
				least, m.spec.Rows, m.spec.Dim, free, free-room),
		}
	}
	if m.packed() {
		half = 0
	} else if l.o.HalfQueries < 0 || rows+half+stats > room {
		m.halfStride, half, stats = 0, 0, 0
	}
	for _, part := range []struct {
		at    *driver.Ptr
		bytes uint64
	}{{&m.rows, rows}, {&m.half, half}, {&m.stats, stats}} {
		if part.bytes == 0 {
			continue
		}
		if *part.at, err = l.device.Alloc(part.bytes); err != nil {
			return fatalOr(err, m.release(l))
		}
		m.bytes += part.bytes
	}
	return nil
}

// The kernels by how rows are held: what stores them, the words that tensor cores
// read, the end of the names of those that compute in f32.
func (m *matrix) storing() string { return m.named("store_rows", "store_f16", "store_i8") }
func (m *matrix) tensor() string  { return m.named("_bf16", "_f16", "_i8") }
func (m *matrix) full() string    { return m.named("_f32", "_f16", "_i8") }
func (m *matrix) refine() string  { return m.named("refine", "refine_f16", "refine_i8") }

func (m *matrix) named(f32, f16, i8 string) string {
	switch m.spec.Elem {
	case compute.F16:
		return f16
	case compute.I8:
		return i8
	}
	return f32
}

// statsBytes is a row's part of what bounds the error of bf16.
const statsBytes = 16

// release frees what alloc reserved.
func (m *matrix) release(l *lane) error {
	var err error
	if m.host != nil {
		err = m.host.free(l)
	}
	for _, p := range []*driver.Ptr{&m.rows, &m.half, &m.stats} {
		if *p != 0 {
			err = errors.Join(err, l.device.Free(*p))
			*p = 0
		}
	}
	return err
}

// Write stores rows. It panics for a range outside the contract. Errors:
// ErrDeviceLost, ErrNoMemory; after one the rows from row on are undefined.
func (m *matrix) Write(row int, src []float32) error {
	n := len(src) / m.spec.Dim
	m.writer.Lock()
	defer m.writer.Unlock()
	have := m.Len()
	if len(src)%m.spec.Dim != 0 || row < 0 || row > have || n > m.spec.Rows-row {
		panic(fmt.Sprintf("BUG: gpu: write of %d floats at row %d of %d, capacity %d, dim %d",
			len(src), row, have, m.spec.Rows, m.spec.Dim))
	}
	if n == 0 {
		return nil
	}
	replaced := min(n, have-row)
	if m.host != nil {
		replaced = 0 // hostRows locks for itself
	}
	if replaced > 0 {
		m.replace.Lock()
		err := m.store(row, src[:replaced*m.spec.Dim])
		m.replace.Unlock()
		if err != nil {
			return err
		}
	}
	if err := m.store(row+replaced, src[replaced*m.spec.Dim:]); err != nil {
		return err
	}
	if row+n > have {
		m.length.Store(int64(row + n))
	}
	return nil
}

func (m *matrix) store(row int, src []float32) error {
	if len(src) == 0 {
		return nil
	}
	if m.host != nil {
		return typed(m.host.store(row, src, &m.spec))
	}
	j := newJob(func(l *lane) error { return m.storeOn(l, row, src) }, nil)
	// No abandoning: src belongs to the caller until the copy is done.
	return typed(m.s.submit(j, nil))
}

// storeOn uploads in pieces of what one stage holds, so that the host fills one
// half while the device takes the other.
func (m *matrix) storeOn(l *lane, row int, src []float32) error {
	dim := m.spec.Dim
	piece := max(1, len(l.stage)/2/(dim*4))
	for at := 0; at < len(src); at += piece * dim {
		part := src[at:min(len(src), at+piece*dim)]
		dst := uint64(m.rows) + uint64(row+at/dim)*m.rowBytes()
		a := kernels.StoreArgs{
			Rows: dst, Count: uint32(len(part) / dim), Dim: uint32(dim), Stride: uint32(m.stride),
			Metric: uint32(m.spec.Metric),
		}
		if m.spec.Metric == compute.Cosine {
			a.Normalise = 1
		}
		if m.halfStride > 0 {
			a.HalfStride = uint32(m.halfStride)
			a.Half = uint64(m.half) + uint64(row+at/dim)*uint64(m.halfStride)*2
			a.Stats = uint64(m.stats) + uint64(row+at/dim)*statsBytes
		}
		if m.packed() {
			a.Rows, a.Half = 0, dst
		}
		if err := l.store(m.storing(), &a, part); err != nil {
			return fatalOr(err, l.drain())
		}
	}
	return l.wait()
}

// store uploads rows and launches their conversion.
func (l *lane) store(kernel string, a *kernels.StoreArgs, src []float32) error {
	raw := bytesOf(src)
	at, err := l.buffer(bufSrc, uint64(max(len(raw), len(l.stage)/2)))
	if err != nil {
		return err
	}
	a.Src = at
	err = l.upload(at, len(raw), func(dst []byte, from int) error { copy(dst, raw[from:]); return nil })
	if err != nil {
		return err
	}
	const rowsPerBlock = 8
	return launch(l, kernel, [2]int{(int(a.Count) + rowsPerBlock - 1) / rowsPerBlock, 1}, 256, 0, a)
}

// fatalOr returns the error of waiting for a failed job's remains if that is
// worse, else the job's.
func fatalOr(err, drained error) error {
	if drained != nil {
		return drained
	}
	return err
}

// Len is the number of rows written.
func (m *matrix) Len() int { return int(m.length.Load()) }

// SizeBytes is the device memory held; for rows in host memory, that.
func (m *matrix) SizeBytes() uint64 { return m.bytes }

// deviceBytes is what stands in the device's memory.
func (m *matrix) deviceBytes() int64 {
	if m.host != nil {
		return 0
	}
	return int64(m.bytes)
}

// Close frees the device memory, after the last search that uses it.
func (m *matrix) Close() error {
	m.replace.Lock()
	defer m.replace.Unlock()
	if m.closed {
		return nil
	}
	m.closed = true
	m.length.Store(0)
	m.s.b.stats.matrices.Add(-1)
	m.s.b.stats.matrixBytes.Add(-m.deviceBytes())
	if m.host != nil {
		m.s.forget(m.host)
	}
	err := typed(m.free())
	if isLost(err) { // the context took it along
		if m.host != nil {
			m.host.take()
		}
		return nil
	}
	return err
}

func (m *matrix) free() error { return m.s.submit(newJob(m.release, nil), nil) }
