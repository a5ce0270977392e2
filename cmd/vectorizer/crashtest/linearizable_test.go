package crashtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// register is one key: a confirmed write sets it, a confirmed read shows it.
var register = porcupine.Model{
	Partition: func(h []porcupine.Operation) [][]porcupine.Operation {
		byKey := map[int][]porcupine.Operation{}
		for _, o := range h {
			byKey[o.Input.(regInput).key] = append(byKey[o.Input.(regInput).key], o)
		}
		var out [][]porcupine.Operation
		for _, p := range byKey {
			out = append(out, p)
		}
		return out
	},
	Init: func() any { return 0 },
	Step: func(have, input, output any) (bool, any) {
		in := input.(regInput)
		if in.value != 0 {
			return true, in.value
		}
		return output.(int) == have.(int), have
	},
}

// regInput is a write of value, or a read if that is 0.
type regInput struct{ key, value int }

const (
	regKeys    = 5
	regClients = 4
	confirmed  = "?write_concern=all&write_timeout_ms=1500"
)

// failovers is a set of three nodes with clients, and what they saw.
type failovers struct {
	t     *testing.T
	nodes []*member
	urls  []atomic.Pointer[string]
	now   atomic.Int32 // the master, as far as the test knows
	begin time.Time

	mu   sync.Mutex // guards: seen
	seen []porcupine.Operation
}

// TestLinearizableAcrossFailovers: clients write with concern "all" and read while
// masters are handed over, killed and replaced. A write that was confirmed must be
// seen from then on; one without an answer may have happened or not. A read counts
// once a write that follows it was confirmed: then what it saw was, too.
// Defect: answer-before-write.
func TestLinearizableAcrossFailovers(t *testing.T) {
	for n := range histories {
		seed := uint64(time.Now().UnixNano())
		f := newFailovers(t)
		f.run(rand.New(rand.NewPCG(seed, 9)))
		unknown := 0
		for _, o := range f.seen {
			if o.Return == math.MaxInt64 {
				unknown++
			}
		}
		t.Logf("history %d, seed %d: %d operations, %d of unknown outcome", n, seed, len(f.seen), unknown)
		if len(f.seen)-unknown < 50 {
			t.Errorf("only %d operations have an outcome", len(f.seen)-unknown)
		}
		if got := porcupine.CheckOperationsTimeout(register, f.seen, time.Minute); got != porcupine.Ok {
			t.Errorf("the history of seed %d is not linearizable (%s): %+v", seed, got, f.seen)
		}
		for _, m := range f.nodes {
			m.kill()
		}
	}
}

func newFailovers(t *testing.T) *failovers {
	t.Helper()
	f := &failovers{t: t, begin: time.Now(), urls: make([]atomic.Pointer[string], 3)}
	m := startMaster(t)
	m.createC()
	f.nodes = []*member{m, startMember(t, "replica", m.peer), startMember(t, "replica", m.peer)}
	for i, n := range f.nodes {
		f.urls[i].Store(&n.url)
		if i > 0 {
			awaitLevel(t, m, n)
			n.awaitInSync()
		}
	}
	m.put("barrier", 1, "?write_concern=all")
	return f
}

// run changes masters while the clients work.
func (f *failovers) run(rng *rand.Rand) {
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for c := range regClients {
		seed := rng.Uint64()
		wg.Go(func() { f.client(c, rand.New(rand.NewPCG(seed, 1)), stop) })
	}
	for change := range changes {
		<-time.NewTimer(time.Duration(200+rng.IntN(300)) * time.Millisecond).C
		old := f.nodes[f.now.Load()]
		next := int(f.now.Load()+1+int32(rng.IntN(2))) % 3
		m := f.nodes[next]
		m.awaitInSync()
		if change%2 == 0 {
			old.failover(object{"replica_id": m.status().NodeID, "timeout_ms": 10000})
		} else {
			old.kill()
			m.failover(object{})
		}
		m.awaitWritable()
		f.now.Store(int32(next))
		if change%2 != 0 {
			old.start()
		}
		for _, n := range f.nodes {
			if n != m {
				n.awaitInSync()
			}
		}
	}
	<-time.NewTimer(200 * time.Millisecond).C
	close(stop)
	wg.Wait()
}

// client works until stop, at whom the test takes for the master, now and then at
// another node.
func (f *failovers) client(id int, rng *rand.Rand, stop chan struct{}) {
	callers := map[string]*caller{}
	for i := 1; ; i++ {
		select {
		case <-stop:
			for _, c := range callers {
				c.close()
			}
			return
		default:
		}
		at := int(f.now.Load())
		if rng.IntN(8) == 0 {
			at = rng.IntN(3)
		}
		url := *f.urls[at].Load()
		if callers[url] == nil {
			callers[url] = newCaller(url)
		}
		in := regInput{key: rng.IntN(regKeys)}
		if rng.IntN(2) == 0 {
			in.value = i*regClients + id
		}
		f.one(callers[url], id, in)
	}
}

// notSent reports whether a request failed before it could be carried out.
func notSent(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// one performs an operation and notes it. A refused write did not happen and a
// failed read says nothing: they are left out.
func (f *failovers) one(c *caller, id int, in regInput) {
	op := porcupine.Operation{ClientId: id, Input: in, Call: time.Since(f.begin).Nanoseconds()}
	key, value := fmt.Sprint("k", in.key), in.value
	if value == 0 {
		var text string
		var got record
		code, err := c.try("GET", "/api/v1/collections/c/vectors/"+key, nil, &text)
		switch {
		case err == nil && code == 200 && json.Unmarshal([]byte(text), &got) == nil:
			v, _ := got.Payload["version"].(float64)
			op.Output = int(v)
		case err == nil && code == 404:
			op.Output = 0
		default:
			return
		}
		key, value = fmt.Sprint("barrier", id), 1
	}
	code, err := c.try("POST", "/api/v1/collections/c/vectors"+confirmed, row(key, value), nil)
	op.Return = time.Since(f.begin).Nanoseconds()
	switch {
	case err == nil && code == 200:
	case in.value == 0, err == nil && code == 421, notSent(err):
		return
	default:
		op.Return, op.Output = math.MaxInt64, 0
		op.ClientId = id + regClients*(1+int(op.Call%1_000_000)) // it is still under way
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen = append(f.seen, op)
}
