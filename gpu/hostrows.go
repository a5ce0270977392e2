package gpu

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"unsafe"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/gpu/driver"
)

// hostRows are the rows of a matrix that does not fit into the device's memory, in
// pinned memory of the host: blocks of a tile each, so that no allocation is large
// enough to hold a lane up. They go with the context that pinned them.
type hostRows struct {
	b      *Backend
	rows   int // of a tile
	stride int // floats
	bytes  uint64

	// mu guards tiles, nil once they are freed, and what is in them while a copy to
	// the device reads it: a write waits for copies, not for whole searches.
	mu    sync.RWMutex
	tiles [][]byte
}

// NewTiled reserves host memory for rows that are searched tile by tile. Errors:
// ErrUnsupported for a shape outside the contract and for rows that are not float,
// ErrNoMemory when Options.HostBytes or Options.HostFree leave no room, or the
// device none for two tiles a lane; ErrDeviceLost.
func (b *Backend) NewTiled(spec compute.MatrixSpec) (compute.Matrix, error) {
	if err := checkSpec(spec); err != nil {
		return nil, err
	}
	if spec.Elem != compute.F32 {
		return nil, fmt.Errorf("%w: gpu: rows that do not fit are searched as float only", compute.ErrUnsupported)
	}
	s, err := b.current()
	if err != nil {
		return nil, err
	}
	m := newMatrix(s, spec)
	if err := m.allocTiles(max(1, b.o.TileBytes/(m.stride*4))); err != nil {
		return nil, typed(err)
	}
	b.stats.matrices.Add(1)
	return m, nil
}

// allocTiles makes room for the rows, rows of them a tile.
func (m *matrix) allocTiles(rows int) error {
	b := m.s.b
	m.halfStride = 0 // tiles are searched in f32
	h := &hostRows{b: b, rows: min(rows, m.spec.Rows), stride: m.stride, bytes: uint64(m.spec.Rows) * m.rowBytes()}
	if err := m.s.submit(newJob(func(l *lane) error { return h.admit(l) }, nil), nil); err != nil {
		return err
	}
	m.host, m.bytes = h, h.bytes
	for left := m.spec.Rows; left > 0; left -= h.rows {
		size := min(h.rows, left) * m.stride * 4
		err := m.s.submit(newJob(func(l *lane) error {
			tile, err := l.device.AllocHost(size)
			if err == nil {
				clear(tile) // what lies beyond a row's components counts
				h.tiles = append(h.tiles, tile)
			}
			return err
		}, nil), nil)
		if err != nil {
			_ = m.free() // why there is no room says more
			h.take()     // if the context took it along
			return err
		}
	}
	return m.s.keep(h)
}

// admit takes the bytes from what Options allow.
func (h *hostRows) admit(l *lane) error {
	none := func(format string, args ...any) error {
		return &driver.Error{Code: driver.OutOfMemory, Op: "new tiled matrix",
			Detail: fmt.Sprintf("%d bytes of host memory: ", h.bytes) + fmt.Sprintf(format, args...)}
	}
	free, _, err := l.device.Memory()
	if err != nil {
		return err
	}
	if buffers := uint64(2*l.o.Lanes*h.rows*h.stride) * 4; buffers > free {
		return none("the device has no room for tiles, %d bytes", buffers)
	}
	if f := l.o.HostFree; f != nil {
		if free, total := f(); free < h.bytes || free-h.bytes < total/2 {
			return none("%d of %d are free, half are to stay so", free, total)
		}
	}
	if held := uint64(h.b.tiled.Add(int64(h.bytes))); h.bytes > l.o.HostBytes || held > l.o.HostBytes {
		h.b.tiled.Add(-int64(h.bytes))
		return none("at most %d may be used, %d are", l.o.HostBytes, held-h.bytes)
	}
	return nil
}

// take takes the tiles out, once.
func (h *hostRows) take() [][]byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	tiles := h.tiles
	h.tiles = nil
	if h.bytes > 0 {
		h.b.tiled.Add(-int64(h.bytes))
		h.bytes = 0
	}
	return tiles
}

// free gives the memory back, on a lane.
func (h *hostRows) free(l *lane) error {
	var err error
	for _, tile := range h.take() {
		err = errors.Join(err, l.device.FreeHost(tile))
	}
	return err
}

// store writes rows. Errors: the context is gone, and the memory with it.
func (h *hostRows) store(row int, src []float32, spec *compute.MatrixSpec) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.tiles == nil {
		return errTilesGone()
	}
	for ; len(src) > 0; row, src = row+1, src[spec.Dim:] {
		tile := floatsOf(h.tiles[row/h.rows])
		dst := tile[row%h.rows*h.stride:][:spec.Dim]
		copy(dst, src)
		if spec.Metric == compute.Cosine {
			normalise(dst)
		}
	}
	return nil
}

func errTilesGone() error {
	return &driver.Error{Code: driver.Lost, Op: "host rows", Detail: "the context that held them is gone"}
}

func normalise(v []float32) {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if sum == 0 {
		return
	}
	scale := 1 / math.Sqrt(sum)
	for i, x := range v {
		v[i] = float32(float64(x) * scale)
	}
}

// floatsOf views pinned memory as floats: it begins on a page.
func floatsOf(b []byte) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(&b[0])), len(b)/4)
}
