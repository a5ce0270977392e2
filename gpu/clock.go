package gpu

import (
	"time"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/gpu/driver"
)

// stage is what a stretch of a search is spent on.
type stage uint8

const (
	stageUpload stage = iota
	stageKernels
	stageDownload
	stageCount
)

// clock sums what a search's work took on the device, by its time stamps: stamp i and
// i+1 enclose laps[i]. The zero clock is stopped; only the goroutine of a lane uses it.
type clock struct {
	running bool
	marks   int // queued since the last wait
	laps    [driver.MaxMarks]stage
	took    [stageCount]time.Duration
	blind   bool // the driver has no clock
}

// startClock forgets what was measured; without a clock nothing will be.
func (l *lane) startClock() { l.clock = clock{running: l.time != nil} }

// begin queues the stamp that the first lap after a wait counts from.
func (l *lane) begin() error {
	c := &l.clock
	if !c.running || c.marks > 0 {
		return nil
	}
	c.marks = 1
	return l.time.Mark(0)
}

// lap says that what was queued since the last stamp is of a stage.
func (l *lane) lap(s stage) error {
	c := &l.clock
	if !c.running || c.marks == 0 {
		return nil
	}
	if c.marks == driver.MaxMarks {
		c.blind = true // more work between two waits than there are stamps for
		return nil
	}
	c.laps[c.marks-1] = s
	c.marks++
	return l.time.Mark(c.marks - 1)
}

// collect adds up the laps that a wait has seen the end of.
func (l *lane) collect() {
	c := &l.clock
	for i := range max(0, c.marks-1) {
		d, ok := l.time.Elapsed(i, i+1)
		c.blind = c.blind || !ok
		c.took[c.laps[i]] += d
	}
	c.marks = 0
}

// times is what was measured, zero if some of it was not.
func (c *clock) times() compute.Times {
	if c.blind || !c.running {
		return compute.Times{}
	}
	return compute.Times{
		Upload: c.took[stageUpload], Kernels: c.took[stageKernels], Download: c.took[stageDownload],
	}
}
