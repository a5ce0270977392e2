package resident

import (
	"testing"
	"time"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

func TestGraphCost(t *testing.T) {
	var g GraphCost
	for range graphCostLeast {
		if d, known := g.Predict(10, 1, 2); known {
			t.Fatalf("%v is known too early", d)
		}
		g.Took(10, 100*time.Microsecond)
	}
	f := func(ef, queries int, want time.Duration) {
		t.Helper()
		got, known := g.Predict(ef, queries, 2)
		if !known || (got-want).Abs() > time.Microsecond {
			t.Errorf("ef %d, %d queries: %v, %v, want %v", ef, queries, got, known, want)
		}
	}
	f(10, 1, 100*time.Microsecond)
	f(40, 1, 400*time.Microsecond)
	f(10, 8*2, 800*time.Microsecond)
	g.Took(10, time.Hour) // put off the processor: counts as eight times the average
	f(10, 1, 100*time.Microsecond+700*time.Microsecond/32)
	for range 40 {
		g.Took(10, 20*time.Microsecond)
	}
	f(10, 1, 20*time.Microsecond)
}

// TestInsteadOfGraph: the device is taken when it is predicted to be faster and has
// the rows; asking has them copied.
func TestInsteadOfGraph(t *testing.T) {
	d, src := new(fakeDevice), new(rows)
	p := testPool(d)
	p.deviceModel = Model{Fixed: 1e-3}
	c := p.Copy(src, testDim, compute.L2)
	defer func() { src.held.Wait(); c.Close() }()
	src.put(c, 0, point(1))
	f := func(graph time.Duration, want Reason) {
		t.Helper()
		n, device := c.InsteadOfGraph(3, graph)
		if n.Why != want.String() || device != (want == DeviceFaster) || n.Queries != 3 || n.Host != graph ||
			n.Device != time.Millisecond {
			t.Errorf("graph %v: %+v, %v, want %v", graph, n, device, want)
		}
	}
	f(time.Microsecond, GraphFaster)
	if s, _, _ := c.Info(); s != StateNone {
		t.Errorf("copied although the graph is faster: %s", s)
	}
	f(time.Second, Loading)
	src.held.Wait() // the copy is made
	for range graphCostEvery - 1 {
		f(time.Second, DeviceFaster)
	}
	f(time.Second, Measuring)
	f(time.Second, DeviceFaster)
	p.suspend()
	f(time.Second, Failed)
	p.suspendedTo.Store(0)
	c.mu.Lock()
	c.drop(compute.ErrDeviceLost)
	c.retryAt = time.Now().Add(time.Hour)
	c.mu.Unlock()
	f(time.Second, Lost)
	if st := p.Stats(); st.Planned["device_faster"] != graphCostEvery+1 || st.Planned["device_lost"] != 1 {
		t.Errorf("%+v", st.Planned)
	}
}
