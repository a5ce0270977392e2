package node

import (
	"sync"
	"time"
)

// logHistory remembers how large the log was at which offset and when, once every
// historyStep, to turn limits of bytes and time into offsets.
type logHistory struct {
	mu   sync.Mutex // guards: list
	list []logMark
}

type logMark struct {
	offset uint64
	bytes  uint64 // committed in all
	at     time.Time
}

const (
	historyStep = 10 * time.Second
	historyMax  = 10000
)

// add notes the end of the log, if the last note is old enough.
func (h *logHistory) add(offset, bytes uint64, at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if n := len(h.list); n > 0 && at.Sub(h.list[n-1].at) < historyStep && bytes-h.list[n-1].bytes < 16<<20 {
		return
	}
	if len(h.list) >= historyMax {
		h.list = append(h.list[:0], h.list[len(h.list)/2:]...)
	}
	h.list = append(h.list, logMark{offset, bytes, at})
}

// floor is the first offset within the limits, counted back from tip.
func (h *logHistory) floor(tip, entries uint64, bytes int64, age time.Duration) uint64 {
	floor := uint64(1)
	if tip > entries {
		floor = tip - entries + 1
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.list) == 0 {
		return floor
	}
	end := h.list[len(h.list)-1].bytes
	for i := range h.list {
		m := &h.list[i]
		if end-m.bytes > uint64(max(0, bytes)) || time.Since(m.at) > age {
			floor = max(floor, m.offset+1)
		}
	}
	return floor
}
