//go:build unix

package emu

import (
	"sync"

	"github.com/vectorizer-go/vectorizer/gpu/driver"
)

// Call names a driver call that a fault can be injected into.
type Call string

// The calls.
const (
	Devices   Call = "devices"
	Open      Call = "open"
	Alloc     Call = "alloc"
	AllocHost Call = "alloc host"
	NewStream Call = "new stream"
	CopyIn    Call = "copy in"
	CopyOut   Call = "copy out"
	Launching Call = "launch"
	Waiting   Call = "wait"
)

// Faults decides which calls fail. The zero value lets all pass. Its methods may
// be called from any goroutine; one Faults may serve several devices, so that a
// fault can outlive a rebuild.
type Faults struct {
	mu    sync.Mutex // guards: everything below
	plans []plan
	seen  map[Call]int
}

// plan fails calls number from to from+count-1 (counted since the plan was made).
type plan struct {
	call        Call
	from, count int
	code        driver.Code
}

// Fail makes count calls fail with code, after skip more of them have passed.
func (f *Faults) Fail(call Call, skip, count int, code driver.Code) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.plans = append(f.plans, plan{call, f.seen[call] + skip, count, code})
}

// Heal drops every plan.
func (f *Faults) Heal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.plans = nil
}

// Seen is how many times call was made.
func (f *Faults) Seen(call Call) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seen[call]
}

// Check counts a call and returns what it is to fail with, nil to let it pass.
func (f *Faults) Check(call Call) error {
	if f == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.seen == nil {
		f.seen = map[Call]int{}
	}
	n := f.seen[call]
	f.seen[call]++
	for _, p := range f.plans {
		if p.call == call && n >= p.from && n < p.from+p.count {
			return &driver.Error{Code: p.code, Op: string(call), Detail: "injected"}
		}
	}
	return nil
}
