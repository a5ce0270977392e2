package codec

import (
	"runtime"
	"syscall"
	"testing"
)

// cpuLoop is b.Loop that also reports the processor time of the thread, which
// other work on the machine disturbs less than the clock.
func cpuLoop(b *testing.B, body func()) {
	b.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	b.ReportAllocs()
	before := threadTime(b)
	for b.Loop() {
		body()
	}
	b.ReportMetric(float64(threadTime(b)-before)/float64(b.N), "cpu-ns/op")
}

func threadTime(b *testing.B) int64 {
	b.Helper()
	const thread = 1 // RUSAGE_THREAD
	var u syscall.Rusage
	if err := syscall.Getrusage(thread, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

func BenchmarkFloats(b *testing.B) {
	for name, digits := range map[string]int{"float32": 0, "float64": 17} {
		b.Run(name, func(b *testing.B) {
			text := vectorJSON(256, digits)
			b.SetBytes(int64(len(text)))
			var d Decoder
			var dst []float32
			cpuLoop(b, func() {
				d.Reset(text, JSON)
				var err error
				if dst, err = d.Floats(dst[:0]); err != nil || len(dst) != 256 {
					b.Fatal(err, len(dst))
				}
			})
		})
	}
}
