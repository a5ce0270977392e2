package resident

import "github.com/vectorizer-go/vectorizer/engine/compute"

// load uploads every row in the background. c.mu is held.
func (c *Copy) load() {
	if !c.src.Retain() {
		return
	}
	c.release()
	c.state, c.reason = StateLoading, ""
	c.changed.start() // before the rows are read: what changes meanwhile is noted
	go func() {       // Release ends it: the source's owner waits for that
		defer c.src.Release()
		m, capacity, err := c.fill()
		c.mu.Lock()
		defer c.mu.Unlock()
		if err != nil {
			if m != nil {
				_ = m.Close() // why it is given up says more
			}
			reason := c.drop(err)
			c.p.log.Warn().Err(err).Str("backend", c.p.deviceName).Stringer("reason", reason).
				Msg("a collection is not copied to the device and is searched on the host")
			return
		}
		c.m, c.capacity, c.state = m, capacity, StateReady
		c.ready.Store(true)
		c.p.bytes.Add(int64(m.SizeBytes()))
	}()
}

// fill makes a matrix with room to grow and writes the rows that are there.
func (c *Copy) fill() (m compute.Matrix, capacity int, err error) {
	h := c.src.HostRows()
	rows := rowsOf(h)
	capacity = max(1024, rows+rows/4)
	m, err = c.p.device.NewMatrix(compute.MatrixSpec{
		Rows: capacity, Dim: c.dim, Elem: compute.F32, Metric: c.metric,
	})
	if err != nil {
		return nil, 0, err
	}
	return m, capacity, c.write(m, h, 0, rows)
}
