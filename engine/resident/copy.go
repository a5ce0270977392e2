package resident

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// Source is the rows that a copy is of. They are readable while they are retained.
type Source interface {
	Rows() int
	HostRows() compute.HostRows
	Retain() bool
	Release()
}

// State is where a copy stands.
type State string

// The states.
const (
	StateNone    State = "none"    // not asked for, or not worth it
	StateLoading State = "loading" // being uploaded
	StateReady   State = "ready"
	StateTiled   State = "tiled"   // does not fit: searched by the device tile by tile, from host memory
	StateNoRoom  State = "no_room" // does not fit: searched on the host
	StateLost    State = "lost"    // went with the device
)

// Copy is one collection's rows on the device. Its methods may be called from any
// goroutine.
type Copy struct {
	p       *Pool
	src     Source
	dim     int
	metric  compute.Metric
	changed journal
	at      atomic.Int32 // a place, of m; for readers that must not wait for mu

	mu       sync.Mutex // guards: everything below; held while changed rows are uploaded
	m        compute.Matrix
	held     int64 // bytes of m that the pool counts
	capacity int
	state    State
	reason   string
	retryAt  time.Time
	// tilesRefused: the last attempt to make tiles found no room for them either.
	tilesRefused bool

	dirty  []uint32
	packed []float32
	closed bool
}

// Copy makes the copy of src's rows; nothing is uploaded yet.
func (p *Pool) Copy(src Source, dim int, metric compute.Metric) *Copy {
	return &Copy{
		p: p, src: src, dim: dim, metric: metric, state: StateNone,
		changed: journal{busy: compute.NoRow},
	}
}

// Writing says that row is about to be written, Wrote that it was; both come from
// the one writer of the rows, Wrote before the write is acknowledged.
func (c *Copy) Writing(row uint32) { c.changed.begin(row) }

// Wrote ends what Writing began.
func (c *Copy) Wrote(row uint32) { c.changed.end(row) }

// Info describes the copy; bytes are of the device's memory, or, of tiles, of the host's.
func (c *Copy) Info() (s State, reason string, bytes uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.m != nil {
		bytes = c.m.SizeBytes()
	}
	return c.state, c.reason, bytes
}

// Search searches on the device if that is predicted to be faster and the copy is
// there. It reports false, with the reason in req.Note, when the caller is to search
// on the host; req's outputs are then undefined. Errors: ctx.Err().
func (c *Copy) Search(ctx context.Context, req *compute.SearchRequest) (done bool, err error) {
	queries := len(req.Queries) / c.dim
	rows := c.src.Rows()
	n := compute.Note{
		Backend: c.p.hostName, Queries: queries,
		Device: c.predict(c.where(), rows, queries),
		Host:   c.p.hostModel.Predict(rows, c.dim, queries),
	}
	reason := HostFaster
	switch {
	case n.Device >= n.Host:
	case c.p.suspended():
		reason = Failed
	default:
		tiles := c.p.predictTiled(rows, c.dim, queries) < n.Host
		reason, err = c.onDevice(ctx, req, n.Device, tiles)
	}
	if err != nil && ctx.Err() != nil {
		return false, ctx.Err()
	}
	done = reason == DeviceFaster || reason == Tiled
	n.Why = reason.String()
	if done {
		n.Backend, n.Times = c.p.deviceName, req.Times
	}
	req.Note = n
	c.p.count(reason, queries)
	return done, nil
}

// onDevice searches on the device; tiles says whether that is worth while in tiles too.
// The reason is DeviceFaster or Tiled if it did.
func (c *Copy) onDevice(
	ctx context.Context, req *compute.SearchRequest, predicted time.Duration, tiles bool,
) (Reason, error) {
	m, went := c.current(tiles)
	if m == nil {
		return went, nil
	}
	req.Times = compute.Times{} // of another batch
	begin := time.Now()
	patient, cancel := context.WithTimeout(ctx, patience(predicted))
	defer cancel()
	err := c.p.device.Search(patient, m, req)
	if err != nil {
		if ctx.Err() != nil {
			return Failed, err
		}
		if patient.Err() != nil {
			c.p.suspend()
			err = fmt.Errorf("no answer within %v, predicted were %v: %w", patience(predicted), predicted, err)
		}
		return c.failed(m, err), err
	}
	c.p.nanos.Add(uint64(time.Since(begin)))
	c.p.predictedNs.Add(uint64(predicted))
	c.p.stages.add(req.Times)
	return went, nil
}

// patience is how long a batch may take that was predicted to take less: beyond it
// the host answers, so that requests meet their deadlines when a device hangs. That
// it hangs is for the device to find out.
func patience(predicted time.Duration) time.Duration { return 250*time.Millisecond + 20*predicted }

// current returns the matrix with every noted row in it, or why there is none. tiles
// says whether the rows are worth to be kept in host memory if they do not fit.
func (c *Copy) current(tiles bool) (compute.Matrix, Reason) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed || c.state == StateLoading:
		return nil, Loading
	case c.m == nil && time.Now().Before(c.retryAt) && !c.tilesNow(tiles):
		return nil, c.missing()
	case c.m == nil || c.src.Rows() > c.capacity || c.changed.length() > c.inlineMax():
		reason := c.missing()
		c.load(tiles)
		return nil, reason
	}
	c.moveIn()
	switch grown, err := c.upload(); {
	case err != nil:
		return nil, c.drop(err)
	case grown:
		c.load(tiles)
		return nil, Loading
	}
	return c.m, c.where().reason()
}

// tilesNow reports whether rows that do not fit are to be kept in host memory without
// waiting for room on the device: nobody has asked for that yet.
func (c *Copy) tilesNow(tiles bool) bool { return tiles && c.state == StateNoRoom && !c.tilesRefused }

// missing is the reason that the state stands for.
func (c *Copy) missing() Reason {
	switch c.state {
	case StateNoRoom:
		return NoRoom
	case StateLost:
		return Lost
	}
	return Loading
}

// failed judges an error of a search on m.
func (c *Copy) failed(m compute.Matrix, err error) Reason {
	c.p.log.Warn().Err(err).Str("backend", c.p.deviceName).Msg("the host answers a batch that the device failed at")
	if !errors.Is(err, compute.ErrDeviceLost) {
		return Failed
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.m == m {
		c.drop(err)
	}
	return Lost
}

// drop gives the matrix up because of err.
func (c *Copy) drop(err error) Reason {
	c.discard(c.detach())
	c.reason = err.Error()
	if errors.Is(err, compute.ErrNoMemory) {
		c.state, c.retryAt = StateNoRoom, time.Now().Add(c.p.retryNoRoom)
		return NoRoom
	}
	c.state, c.retryAt = StateLost, time.Now().Add(c.p.retryLost)
	return Lost
}

// Close frees the device's memory. No search may be running or begin.
func (c *Copy) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.discard(c.detach())
	c.state = StateNone
}

// upload writes the noted rows, and those between them and the matrix's end: a row
// number that was given out and not written yet is not alive, so what it holds does
// not matter. grown says that a row lies beyond the matrix.
func (c *Copy) upload() (grown bool, err error) {
	c.dirty = c.changed.take(c.dirty)
	h := c.src.HostRows()
	n := len(c.dirty)
	for n > 0 && int(c.dirty[n-1]) >= rowsOf(h) {
		n-- // being written for the first time: no search has to find it yet
	}
	c.dirty = c.dirty[:n]
	if n == 0 {
		return false, nil
	}
	if int(c.dirty[n-1]) >= c.capacity {
		return true, nil
	}
	for i, end := 0, c.m.Len(); i < n; {
		first, last := min(int(c.dirty[i]), end), int(c.dirty[i])
		for i++; i < n && int(c.dirty[i]) == last+1; i++ {
			last++
		}
		if err := c.write(c.m, h, first, last+1); err != nil {
			return false, err
		}
		end = max(end, last+1)
	}
	c.p.syncedRows.Add(uint64(n))
	return false, nil
}

// rowsOf is the number of rows of h; the last may lack its padding.
func rowsOf(h compute.HostRows) int { return (len(h.Rows) + h.Stride - h.Dim) / h.Stride }

// write copies rows [from, to) of h to m.
func (c *Copy) write(m compute.Matrix, h compute.HostRows, from, to int) error {
	const floats = 1 << 19 // 2 MiB at a time
	for step := max(1, floats/c.dim); from < to; from += step {
		n := min(step, to-from)
		if cap(c.packed) < n*c.dim {
			c.packed = make([]float32, n*c.dim)
		}
		part := c.packed[:n*c.dim]
		for i := range n {
			at := (from + i) * h.Stride
			copyUnseen(part[i*c.dim:(i+1)*c.dim], h.Rows[at:at+c.dim])
		}
		if err := m.Write(from, part); err != nil {
			return fmt.Errorf("upload of rows %d to %d: %w", from, from+n, err)
		}
	}
	return nil
}

// copyUnseen is copy without telling the race detector: a row may be replaced
// while it is read, and then it has been noted and is uploaded again.
//
//go:norace
func copyUnseen(dst, src []float32) {
	dst = dst[:len(src)]
	for ; len(src) >= 2; dst, src = dst[2:], src[2:] { // copy would tell
		dst[0], dst[1] = src[0], src[1]
	}
	if len(src) == 1 {
		dst[0] = src[0]
	}
}
