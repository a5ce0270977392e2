package engine

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// BenchmarkRestart measures the time from Open to the first right answer of a
// collection that has an image, and what the process then holds beyond vectors
// and links.
func BenchmarkRestart(b *testing.B) {
	rows := 50000
	if s := os.Getenv("VECTORIZER_BENCH_ROWS"); s != "" {
		var err error
		if rows, err = strconv.Atoi(s); err != nil {
			b.Fatal(err)
		}
	}
	const dim = 128
	dir := b.TempDir()
	e := openTest(b, Options{Dir: dir, Fsync: FsyncOff})
	create(b, e, "a", dim, compute.L2)
	bulk(b, e, "a", 0, rows)
	if err := e.WaitIndexed(context.Background(), "a"); err != nil {
		b.Fatal(err)
	}
	rec, err := e.Get(context.Background(), "a", "4711", Fields{Vector: true})
	if err != nil {
		b.Fatal(err)
	}
	if err := e.Close(); err != nil {
		b.Fatal(err)
	}
	runtime.GC()
	debug.FreeOSMemory()
	base := residentBytes(b)
	for b.Loop() {
		start := time.Now()
		e := openTest(b, Options{Dir: dir})
		res, err := e.Search(context.Background(), "a", &SearchRequest{Vector: rec.Vector, K: 1})
		took := time.Since(start)
		if err != nil || res.Hits[0].ID != "4711" {
			b.Fatal(res, err)
		}
		for i := range 1000 {
			rec.Vector[i%dim] += 0.01
			if _, err := e.Search(context.Background(), "a", &SearchRequest{Vector: rec.Vector, K: 10}); err != nil {
				b.Fatal(err)
			}
		}
		info, err := e.Collection("a")
		if err != nil {
			b.Fatal(err)
		}
		debug.FreeOSMemory()
		m := info.Memory
		b.ReportMetric(took.Seconds()*1000, "ms-to-answer")
		b.ReportMetric(float64(residentBytes(b)-base)/(1<<20), "MiB-rss")
		b.ReportMetric(float64(m.Vectors)/(1<<20), "MiB-vectors")
		b.ReportMetric(float64(m.Links)/(1<<20), "MiB-links")
		b.ReportMetric(float64(m.IDs)/(1<<20), "MiB-ids")
		b.ReportMetric(float64(m.Payload)/(1<<20), "MiB-payload-index")
		if err := e.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// residentBytes reads the resident set size where the system tells it.
func residentBytes(b *testing.B) int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	n, err := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return n * int64(os.Getpagesize())
}

// BenchmarkIdleCollections measures what an empty collection costs.
func BenchmarkIdleCollections(b *testing.B) {
	for b.Loop() {
		e := openTest(b, Options{Fsync: FsyncOff})
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		const n = 1000
		for i := range n {
			create(b, e, "c"+strconv.Itoa(i), 128, compute.L2)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapInuse-before.HeapInuse)/n/1024, "KiB/collection")
		if err := e.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
