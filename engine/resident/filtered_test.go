package resident

import (
	"testing"
	"time"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// TestInsteadOfWalk: filtered searches are weighed like others, with what their bitmaps
// take, and counted apart.
func TestInsteadOfWalk(t *testing.T) {
	d, src := new(fakeDevice), new(rows)
	p := testPool(d)
	p.deviceModel = Model{Fixed: 1e-3, Mask: 1e-4}
	c := p.Copy(src, testDim, compute.L2)
	defer func() { src.held.Wait(); c.Close() }()
	src.put(c, 0, point(1))
	f := func(walk time.Duration, want Reason) {
		t.Helper()
		n, device := c.InsteadOfWalk(5, walk)
		if n.Why != want.String() || device != (want == DeviceFaster) || n.Queries != 5 || n.Host != walk ||
			n.Device != 1500*time.Microsecond {
			t.Errorf("walk %v: %+v, %v, want %v", walk, n, device, want)
		}
	}
	f(1400*time.Microsecond, GraphFaster) // bitmaps of five searches included
	f(time.Second, Loading)
	src.held.Wait()
	for range graphCostEvery - 1 {
		f(time.Second, DeviceFaster)
	}
	f(time.Second, Measuring)
	st := p.Stats()
	if st.PlannedFiltered["device_faster"] != graphCostEvery || st.PlannedFiltered["graph_faster"] != 1 {
		t.Errorf("%+v", st.PlannedFiltered)
	}
	for reason, n := range st.Planned {
		if n != 0 {
			t.Errorf("%s: %d searches without a filter", reason, n)
		}
	}
}
