package measure

import (
	"strconv"
	"strings"
	"time"
)

// Usage is what a process used until now. Known is false where the operating
// system does not tell; then the rest is 0.
type Usage struct {
	Known   bool
	CPU     time.Duration // user and system time of all threads
	System  time.Duration // the part spent in the kernel, in steps of 10 ms
	RSS     int64         // resident memory, bytes
	RSSAnon int64         // the part that is no file mapping, bytes
	RSSPeak int64         // the most it was, bytes
}

// UsageOf reads the usage of process pid.
func UsageOf(pid int) (Usage, error) { return usageOf(pid) }

// kibibytes reads "123 kB" as /proc has it; 0 when it is not that.
func kibibytes(text string) int64 {
	n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(text), " kB"), 10, 64)
	if err != nil {
		return 0
	}
	return n << 10
}
