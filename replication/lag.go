package replication

import "sync"

// LagSamples remembers when which offset was committed, to tell how long ago a
// replica's next entry was (PostgreSQL's LagTracker has the same idea). It is a
// ring of fixed size: when it is full every other sample goes, so that a replica
// that is away for long is measured coarsely, not wrongly. Both times are of the
// master's clock.
type LagSamples struct {
	mu   sync.Mutex // guards: list, step, skip
	list []lagSample
	step int // every how many samples one is kept
	skip int
}

type lagSample struct {
	offset uint64
	at     int64
}

// maxLagSamples bounds the memory: 64 KiB.
const maxLagSamples = 4096

// Add notes that offset was committed at time at, any unit. Offsets ascend.
func (s *LagSamples) Add(offset uint64, at int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.skip > 0 {
		s.skip--
		return
	}
	if len(s.list) == maxLagSamples {
		half := s.list[:0]
		for i := 0; i < maxLagSamples; i += 2 {
			half = append(half, s.list[i])
		}
		s.list = half
		s.step = max(2, 2*s.step)
	}
	s.skip = max(0, s.step-1)
	s.list = append(s.list, lagSample{offset, at})
}

// Behind returns for how long the entry after offset has been committed at time
// now; 0 if there is none yet. A lag is never overstated: the sample may be later
// than the commit by the interval between samples.
func (s *LagSamples) Behind(offset uint64, now int64) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	lo, hi := 0, len(s.list)
	for lo < hi {
		if mid := (lo + hi) / 2; s.list[mid].offset > offset {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	if lo == len(s.list) {
		return 0
	}
	return max(0, now-s.list[lo].at)
}

// Confirmed forgets samples that no replica is behind any more.
func (s *LagSamples) Confirmed(offset uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := 0
	for i < len(s.list) && s.list[i].offset <= offset {
		i++
	}
	if i > len(s.list)/2 {
		s.list = append(s.list[:0], s.list[i:]...)
	}
	if len(s.list) < maxLagSamples/4 {
		s.step, s.skip = 0, 0
	}
}
