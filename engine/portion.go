package engine

import (
	"sync"
	"sync/atomic"
)

// portion is what one group does to one collection. Its collection holds it from
// before the commit until memory shows it, so that a reader who meets one of its
// records can wait for it to be durable. Portions of a collection are applied in
// order; a collection whose index lets writers wait does not hold up others.
type portion struct {
	c       *collection
	nowUs   int64
	records map[recKey]staged // of the whole group; not changed once published
	effects []effect
	before  uint64     // log offset before the group
	vectors int        // effects that may wait for the index
	reqs    []*request // answered after it
	done    chan struct{}
}

// needed makes r wait for p.
func (p *portion) needed(r *request) {
	if r == nil || (len(p.reqs) > 0 && p.reqs[len(p.reqs)-1] == r) {
		return
	}
	r.waits.Add(1)
	p.reqs = append(p.reqs, r)
}

// flights are the portions of one collection that are committed, or about to be,
// and not applied yet.
type flights struct {
	list atomic.Pointer[[]*portion] // for readers; nil = none

	mu       sync.Mutex // guards: changes of list, waiting, applying
	waiting  []*portion // behind the one that is being applied
	applying bool
}

// add shows p to readers.
func (f *flights) add(p *portion) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []*portion
	if old := f.list.Load(); old != nil {
		list = append(list, *old...)
	}
	list = append(list, p)
	f.list.Store(&list)
}

// remove takes p away from readers.
func (f *flights) remove(p *portion) {
	f.mu.Lock()
	defer f.mu.Unlock()
	old := *f.list.Load()
	if len(old) == 1 {
		f.list.Store(nil)
		return
	}
	rest := make([]*portion, 0, len(old)-1)
	for _, o := range old {
		if o != p {
			rest = append(rest, o)
		}
	}
	f.list.Store(&rest)
}

// enter reports whether p may be applied now; if not it was queued.
func (f *flights) enter(p *portion) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.applying {
		f.waiting = append(f.waiting, p)
		return false
	}
	f.applying = true
	return true
}

// next returns the portion to apply after one that was entered; nil if there is
// none.
func (f *flights) next() *portion {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.waiting) == 0 {
		f.applying = false
		return nil
	}
	p := f.waiting[0]
	f.waiting[0] = nil
	f.waiting = f.waiting[1:]
	return p
}

// all returns the portions under way, oldest first.
func (f *flights) all() []*portion {
	if list := f.list.Load(); list != nil {
		return *list
	}
	return nil
}

// finish withdraws p and answers who waited for it.
func (p *portion) finish(e *Engine) {
	p.c.flights.remove(p)
	close(p.done)
	for _, r := range p.reqs {
		e.settled(r)
	}
}

// dispatch has p applied: by the committer if that is quick, by a goroutine of
// the collection if the index would make it wait.
func (p *portion) dispatch(e *Engine) {
	if !p.c.flights.enter(p) {
		return
	}
	if p.mayWait(e.opts.MaxPending) {
		e.bg.Go(func() { p.applyLoop(e) })
		return
	}
	p.applyLoop(e)
}

// mayWait reports whether the index has too few places for p's vectors.
func (p *portion) mayWait(places int) bool {
	if p.vectors == 0 {
		return false
	}
	v, err := p.c.acquire()
	if err != nil {
		return false
	}
	defer v.release()
	return p.c.shadow.Load() != nil || v.graph.Pending()+p.vectors > places
}

// applyLoop applies p and what has queued behind it.
func (p *portion) applyLoop(e *Engine) {
	for next := p; next != nil; next = p.c.flights.next() {
		next.apply()
		next.finish(e)
	}
}

// apply runs the effects in order.
func (p *portion) apply() {
	for i := 0; i < len(p.effects); {
		if fn := p.effects[i].fn; fn != nil {
			fn()
			i++
			continue
		}
		i += p.applyRun(p.effects[i:])
	}
}

// applyRun applies the ops at the start of list under one reference to the view,
// and returns their number. A collection that was dropped or quarantined has no
// view: its ops need not show.
func (p *portion) applyRun(list []effect) (n int) {
	for n < len(list) && list[n].fn == nil {
		n++
	}
	v, err := p.c.acquire()
	if err != nil {
		return n
	}
	defer v.release()
	for i := range list[:n] {
		p.c.applyEffect(v, &list[i])
	}
	p.c.updatedUs.Store(p.nowUs)
	return n
}

// pendingOn returns a portion that changes id and is not applied yet.
func (c *collection) pendingOn(id string) *portion {
	for _, p := range c.flights.all() {
		if _, ok := p.records[recKey{c.id, id}]; ok {
			return p
		}
	}
	return nil
}

// appliedOffset is an offset up to which memory shows every entry about c.
func (c *collection) appliedOffset() uint64 {
	// In this order: a commit is published before it counts as applied.
	at := c.e.applied.Load()
	for _, p := range c.flights.all() {
		at = min(at, p.before)
	}
	return at
}
