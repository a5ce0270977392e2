package resident

import (
	"time"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// load uploads every row in the background; tiles says whether they may be kept in
// host memory if they do not fit. c.mu is held.
func (c *Copy) load(tiles bool) {
	if !c.src.Retain() {
		return
	}
	old := c.detach()
	c.state, c.reason = StateLoading, ""
	c.changed.start() // before the rows are read: what changes meanwhile is noted
	go func() {       // Release ends it: the source's owner waits for that
		defer c.src.Release()
		c.discard(old) // which waits for the searches that it serves
		m, capacity, at, err := c.fill(tiles)
		c.mu.Lock()
		defer c.mu.Unlock()
		if err != nil {
			if m != nil {
				_ = m.Close() // why it is given up says more
			}
			reason := c.drop(err)
			c.tilesRefused = tiles
			c.p.log.Warn().Err(err).Str("backend", c.p.deviceName).Stringer("reason", reason).
				Msg("a collection is not copied to the device and is searched on the host")
			return
		}
		c.attach(m, capacity, at)
	}()
}

// fill makes a matrix with room to grow and writes the rows that are there.
func (c *Copy) fill(tiles bool) (m compute.Matrix, capacity int, at place, err error) {
	h := c.src.HostRows()
	rows := rowsOf(h)
	spec := c.spec(rows)
	m, at, err = c.matrix(spec, tiles)
	if err != nil {
		return nil, 0, nowhere, err
	}
	return m, spec.Rows, at, c.write(m, h, 0, rows)
}

// attach takes a matrix into use. c.mu is held.
func (c *Copy) attach(m compute.Matrix, capacity int, at place) {
	c.m, c.capacity, c.state = m, capacity, StateReady
	bytes := &c.p.bytes
	if at == inTiles {
		c.state, bytes = StateTiled, &c.p.tiledBytes
		c.retryAt = time.Now().Add(c.p.retryNoRoom)
	}
	c.held = int64(m.SizeBytes())
	bytes.Add(c.held)
	c.at.Store(int32(at))
}

// detach takes the matrix out of use; the caller discards it. c.mu is held.
func (c *Copy) detach() compute.Matrix {
	at := place(c.at.Swap(int32(nowhere)))
	c.changed.stop()
	m := c.m
	if m == nil {
		return nil
	}
	bytes := &c.p.bytes
	if at == inTiles {
		bytes = &c.p.tiledBytes
	}
	bytes.Add(-c.held)
	c.m, c.capacity = nil, 0
	return m
}

// discard frees a matrix, if there is one.
func (c *Copy) discard(m compute.Matrix) {
	if m == nil {
		return
	}
	if err := m.Close(); err != nil {
		c.p.log.Warn().Err(err).Str("backend", c.p.deviceName).Msg("freeing a copy failed")
	}
}
