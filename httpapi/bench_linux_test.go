package httpapi

import (
	"io"
	"runtime"
	"slices"
	"syscall"
	"testing"

	"github.com/rs/zerolog"

	"github.com/vectorizer-go/vectorizer/httpapi/codec"
)

// threadTime is the processor time of this thread, in nanoseconds.
func threadTime(b *testing.B) int64 {
	b.Helper()
	const thread = 1 // RUSAGE_THREAD
	var u syscall.Rusage
	if err := syscall.Getrusage(thread, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

// alternate runs a and b in turn, part by part and in changing order, so that what
// else the machine does hits both alike. It returns the processor time of each
// operation in microseconds, and the median over the parts of a/b.
func alternate(b *testing.B, part int, first, second func(n int)) (us [2]float64, ratio float64) {
	b.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	run := [2]func(int){first, second}
	var total [2]int64
	var ratios []float64
	ops := 0
	for ; ops < b.N; ops += part {
		var took [2]int64
		for i := range run {
			k := (i + ops/part) % 2
			before := threadTime(b)
			run[k](part)
			took[k] = threadTime(b) - before
			total[k] += took[k]
		}
		ratios = append(ratios, float64(took[0])/float64(max(took[1], 1)))
	}
	slices.Sort(ratios)
	for i := range us {
		us[i] = float64(total[i]) / float64(ops) / 1000
	}
	return us, ratios[len(ratios)/2]
}

// BenchmarkSearchOverhead reports the processor time of a search over HTTP above
// that of the same search in the engine: 256 components, k 10, ids and scores.
func BenchmarkSearchOverhead(b *testing.B) {
	for _, kind := range []codec.Format{codec.JSON, codec.MsgPack, codec.Octets} {
		b.Run(kind.String(), func(b *testing.B) {
			e := start(b, nil)
			q := benchRows(e, 200)
			request := httpRequest("POST", "/api/v1/collections/b/search", kind.ContentType(),
				searchForms(q)[kind.ContentType()])
			b.ResetTimer()
			us, _ := alternate(b, 100, func(n int) { replay(b, e, request, n) },
				func(n int) { searchDirect(b, e, q, n) })
			b.ReportMetric(us[0], "http-cpu-us/op")
			b.ReportMetric(us[1], "engine-cpu-us/op")
			b.ReportMetric(us[0]-us[1], "overhead-cpu-us/op")
		})
	}
}

// BenchmarkMeasuring shows what metrics and logging cost: the same searches with
// and without them, in turn, as a percentage of processor time.
func BenchmarkMeasuring(b *testing.B) {
	e := start(b, func(o *Options) { o.Logger = zerolog.New(io.Discard).Level(zerolog.InfoLevel) })
	q := benchRows(e, 2000)
	request := httpRequest("POST", "/api/v1/collections/b/search", codec.JSON.ContentType(),
		searchForms(q)[codec.JSON.ContentType()])
	b.ResetTimer()
	us, ratio := alternate(b, 20,
		func(n int) { e.server.bare = false; replay(b, e, request, n) },
		func(n int) { e.server.bare = true; replay(b, e, request, n) })
	b.ReportMetric(us[1], "bare-cpu-us/op")
	b.ReportMetric(100*(ratio-1), "median-cost-percent")
}
