package measure

import (
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"
)

func TestBuckets(t *testing.T) {
	last := -1
	for _, v := range []uint64{0, 1, 63, 64, 65, 127, 128, 129, 1000, 1 << 20, 1<<40 + 12345,
		1<<63 - 1} {
		b := bucketOf(v)
		if b < last || b >= bucketCount {
			t.Errorf("%d is in bucket %d after %d", v, b, last)
		}
		top := uint64(bucketTop(b))
		if top < v || float64(top-v) > float64(v)/64+1 {
			t.Errorf("%d is in a bucket that ends at %d", v, top)
		}
		last = b
	}
	for i := range bucketCount - 200 {
		if got := bucketOf(uint64(bucketTop(i))); got != i {
			t.Fatalf("the top of bucket %d is in bucket %d", i, got)
		}
	}
}

func TestHistogramQuantiles(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var whole, other Histogram
	var all []time.Duration
	for i := range 20000 {
		d := time.Duration(math.Exp(rng.NormFloat64()+12)) * time.Nanosecond
		all = append(all, d)
		if i%2 == 0 {
			whole.Add(d)
		} else {
			other.Add(d)
		}
	}
	whole.Merge(&other)
	slices.Sort(all)
	for _, q := range []float64{0, 0.5, 0.9, 0.99, 0.999, 1} {
		want := all[min(int(q*float64(len(all))), len(all)-1)]
		got := whole.Quantile(q)
		if got < want || float64(got-want) > float64(want)/60 {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	if whole.Count() != 20000 || whole.Max() != all[len(all)-1] {
		t.Errorf("count %d, max %v", whole.Count(), whole.Max())
	}
	var n uint64
	for i, b := range whole.Buckets(8) {
		n += b.Count
		if i > 0 && b.Top <= whole.Buckets(8)[i-1].Top {
			t.Fatal("buckets are not in order")
		}
	}
	if n != 20000 {
		t.Errorf("the buckets hold %d", n)
	}
	var empty Histogram
	if empty.Quantile(0.5) != 0 || empty.Mean() != 0 {
		t.Error("an empty histogram has values")
	}
}

func TestHistogramAllocs(t *testing.T) {
	var h Histogram
	if n := testing.AllocsPerRun(100, func() { h.Add(time.Microsecond) }); n != 0 {
		t.Errorf("%v allocations per Add", n)
	}
}

func TestRecall(t *testing.T) {
	dist := []float64{0, 1, 2, 2, 2, 3}
	truth := Truth{Rows: []int32{0, 1, 2, 3}, Dist: func(r int32) float64 { return dist[r] }}
	f := func(want float64, k int, found ...int32) {
		t.Helper()
		if got := Recall(found, truth, k); got != want {
			t.Errorf("recall@%d of %v is %v, want %v", k, found, got, want)
		}
	}
	f(1, 3, 0, 1, 2)
	f(1, 3, 0, 1, 4) // 4 is as near as 2
	f(2./3, 3, 0, 1, 5)
	f(2./3, 3, 0, 1)
	f(1./3, 3, 0, 0, 0)
	f(0, 2)
	f(1, 2, 1, 0, 5)
}

func TestMedian(t *testing.T) {
	if Median([]float64{3, 1, 2}) != 2 || Median([]float64{4, 1, 2, 3}) != 2.5 ||
		!math.IsNaN(Median(nil)) {
		t.Error("wrong median")
	}
}

func TestStudent(t *testing.T) {
	// Two-sided 95 % points from any table of the distribution.
	for df, want := range map[float64]float64{1: 12.706, 2: 4.303, 4: 2.776, 10: 2.228, 120: 1.980} {
		if got := studentT975(df); math.Abs(got-want) > 2e-3 {
			t.Errorf("df %v: %v, want %v", df, got, want)
		}
	}
}

func TestCompare(t *testing.T) {
	r := Compare([]float64{100, 101, 99}, []float64{110, 111, 109})
	if math.Abs(r.Value-1.1) > 1e-3 || !r.Sure || !r.Interval || r.Low < 1.05 || r.High > 1.15 {
		t.Errorf("clear difference: %+v", r)
	}
	r = Compare([]float64{100, 150, 60}, []float64{110, 50, 170})
	if r.Sure || r.Low > 1 || r.High < 1 {
		t.Errorf("noise: %+v", r)
	}
	if r = Compare([]float64{2}, []float64{3}); r.Interval || r.Sure || math.Abs(r.Value-1.5) > 1e-12 {
		t.Errorf("single samples: %+v", r)
	}
	if r = Compare([]float64{2, 2}, []float64{2, 2}); r.Sure || r.Value != 1 {
		t.Errorf("equal samples: %+v", r)
	}
}

func TestUsage(t *testing.T) {
	before, err := UsageOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "linux" {
		if before.Known {
			t.Error("usage is known on a system that does not tell")
		}
		return
	}
	sum := 0.0
	for start := time.Now(); time.Since(start) < 60*time.Millisecond; {
		sum += math.Sqrt(float64(time.Now().Nanosecond()))
	}
	after, err := UsageOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if !after.Known || after.CPU <= before.CPU || after.RSS < 1<<20 || after.RSSPeak < after.RSS/2 {
		t.Errorf("before %+v, after %+v (%v)", before, after, sum)
	}
	if _, err := UsageOf(-1); err == nil {
		t.Error("a process that is not there has usage")
	}
}

func TestMachine(t *testing.T) {
	m := ThisMachine()
	if m.Cores < 1 || m.OS != runtime.GOOS || m.Features == nil {
		t.Errorf("%+v", m)
	}
	if b := ThisBuild("v1"); b.Version != "v1" || b.Go == "" {
		t.Errorf("%+v", b)
	}
	// A test binary carries no commit of its own.
	if b := ThisBuild("1a2b3c4-dirty"); b.Commit != "1a2b3c4" || !b.Dirty {
		t.Errorf("%+v", b)
	}
	if b := ThisBuild("devel"); b.Commit != "" {
		t.Errorf("%+v", b)
	}
}
