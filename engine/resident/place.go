package resident

import (
	"errors"
	"math"
	"time"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// place is where the rows of a copy are.
type place int32

const (
	nowhere place = iota
	onDevice
	inTiles // in host memory, pinned, searched by the device tile by tile
)

// reason is why a batch went to the device.
func (w place) reason() Reason {
	if w == inTiles {
		return Tiled
	}
	return DeviceFaster
}

func (c *Copy) where() place { return place(c.at.Load()) }

// predict is the time of a search by the device; of rows that are not copied yet as if
// they fitted.
func (c *Copy) predict(w place, rows, queries int) time.Duration {
	if w == inTiles {
		return c.p.predictTiled(rows, c.dim, queries)
	}
	return c.p.deviceModel.Predict(rows, c.dim, queries)
}

// predictTiled is the time of a search of rows in tiles: for ever where that cannot be.
func (p *Pool) predictTiled(rows, dim, queries int) time.Duration {
	if p.tiler == nil {
		return math.MaxInt64
	}
	return p.tiledModel.Predict(rows, dim, queries)
}

// spec is the matrix for rows that are there and some more.
func (c *Copy) spec(rows int) compute.MatrixSpec {
	return compute.MatrixSpec{
		Rows: max(1024, rows+rows/4), Dim: c.dim, Elem: compute.F32, Metric: c.metric,
	}
}

// matrix makes room for rows: on the device, or, if that has none and tiles are worth
// while, in host memory.
func (c *Copy) matrix(s compute.MatrixSpec, tiles bool) (compute.Matrix, place, error) {
	m, err := c.p.device.NewMatrix(s)
	if err == nil {
		return m, onDevice, nil
	}
	if !tiles || !errors.Is(err, compute.ErrNoMemory) {
		return nil, nowhere, err
	}
	m, tiledErr := c.p.tiler.NewTiled(s)
	if tiledErr != nil {
		return nil, nowhere, errors.Join(err, tiledErr)
	}
	return m, inTiles, nil
}

// inlineMax is how many changed rows a search uploads itself. Tiles take them as fast
// as host memory does, and making them anew costs the more the more rows there are.
func (c *Copy) inlineMax() int {
	if c.where() == inTiles {
		return max(c.p.inlineRowMax, c.capacity/64)
	}
	return c.p.inlineRowMax
}

// moveIn copies rows that are searched in tiles to the device if there is room by now.
// It is asked when a search comes, now and then. c.mu is held.
func (c *Copy) moveIn() {
	if c.where() != inTiles || time.Now().Before(c.retryAt) || !c.src.Retain() {
		return
	}
	c.retryAt = time.Now().Add(c.p.retryNoRoom)
	go func() { // the device may keep the answer waiting
		defer c.src.Release()
		if !c.p.tiler.Fits(c.spec(c.src.Rows())) {
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if !c.closed && c.state == StateTiled {
			c.load(true)
		}
	}()
}
