package httpapi

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/httpapi/codec"
)

// slowLog keeps the latest searches that took longer than a threshold.
type slowLog struct {
	threshold atomic.Int64 // nanoseconds; negative = keep none

	mu   sync.Mutex // guards: ring, next, full
	ring []slowEntry
	next int
	full bool
}

type slowEntry struct {
	Timestamp  time.Time `json:"timestamp"`
	Collection string    `json:"collection"`
	K          int       `json:"k"`
	DurationMS float64   `json:"duration_ms"`
	Queries    int       `json:"queries"`
	RequestID  string    `json:"request_id"`
}

func newSlowLog(threshold time.Duration, capacity int) *slowLog {
	l := &slowLog{ring: make([]slowEntry, capacity)}
	l.threshold.Store(int64(threshold))
	return l
}

// note records a search if it was slow.
func (l *slowLog) note(c *call, k int, took time.Duration) {
	if t := l.threshold.Load(); t < 0 || int64(took) < t {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ring[l.next] = slowEntry{Timestamp: c.start.UTC(), Collection: c.collection.name, K: k,
		DurationMS: millis(took), Queries: c.searches, RequestID: string(c.requestID)}
	if l.next++; l.next == len(l.ring) {
		l.next, l.full = 0, true
	}
}

// entries returns the recorded searches, latest first.
func (l *slowLog) entries() (list []slowEntry, capacity int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.next
	if l.full {
		n = len(l.ring)
	}
	list = make([]slowEntry, 0, n)
	for i := range n {
		list = append(list, l.ring[(l.next-1-i+len(l.ring))%len(l.ring)])
	}
	return list, len(l.ring)
}

// configure changes the threshold and the capacity; the latest entries stay.
func (l *slowLog) configure(threshold time.Duration, capacity int) {
	kept, _ := l.entries()
	l.threshold.Store(int64(threshold))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ring, l.next, l.full = make([]slowEntry, capacity), 0, false
	for i := min(len(kept), capacity) - 1; i >= 0; i-- {
		l.ring[l.next] = kept[i]
		l.next++
	}
	if l.next == capacity {
		l.next, l.full = 0, true
	}
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

type slowConfig struct {
	ThresholdMS int64 `json:"threshold_ms"`
	Capacity    int   `json:"capacity"`
}

type slowReply struct {
	Entries []slowEntry `json:"entries"`
	Total   int         `json:"total"`
	Config  slowConfig  `json:"config"`
}

func (c *call) slowQueries() error {
	list, capacity := c.s.slow.entries()
	threshold := time.Duration(c.s.slow.threshold.Load())
	return c.json(slowReply{Entries: list, Total: len(list),
		Config: slowConfig{ThresholdMS: threshold.Milliseconds(), Capacity: capacity}})
}

type slowConfigReply struct {
	slowConfig
	Status string `json:"status"`
}

func (c *call) slowConfigure() error {
	n := codec.Named{Capacity: c.s.opts.SlowQueryCapacity}
	if err := c.named(&n, "threshold_ms", "capacity"); err != nil {
		return err
	}
	if !n.Has["threshold_ms"] {
		return errs.Invalid("threshold_ms", "milliseconds", "none")
	}
	c.s.slow.configure(time.Duration(n.ThresholdMS)*time.Millisecond, n.Capacity)
	return c.json(slowConfigReply{
		slowConfig{ThresholdMS: int64(n.ThresholdMS), Capacity: n.Capacity}, "ok"})
}

// named decodes a small body whose members are among known.
func (c *call) named(n *codec.Named, known ...string) error {
	d, err := c.decoder()
	if err != nil {
		return err
	}
	return n.Decode(d, c.s.limits.BatchItems, known...)
}
