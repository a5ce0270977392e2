package measure

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// usageOf reads /proc. The CPU time is the sum over the threads' schedstat,
// whose unit is nanoseconds, plus the difference to the process's own count in
// ticks where threads have ended.
func usageOf(pid int) (Usage, error) {
	u := Usage{Known: true}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return Usage{}, err
	}
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		switch name {
		case "VmRSS":
			u.RSS = kibibytes(value)
		case "RssAnon":
			u.RSSAnon = kibibytes(value)
		case "VmHWM":
			u.RSSPeak = kibibytes(value)
		}
	}
	u.CPU, u.System, err = cpuTime(pid)
	return u, err
}

// cpuTime adds up the threads. A Go process ends few threads, so what ended is
// little; the count in ticks, which includes it, is taken when it is larger.
func cpuTime(pid int) (all, system time.Duration, err error) {
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return 0, 0, err
	}
	var sum time.Duration
	for _, t := range threads {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/schedstat", pid, t.Name()))
		if err != nil {
			continue // ended since
		}
		first, _, _ := bytes.Cut(text, []byte(" "))
		ns, err := strconv.ParseInt(string(first), 10, 64)
		if err != nil {
			return 0, 0, fmt.Errorf("schedstat: %w", err)
		}
		sum += time.Duration(ns)
	}
	user, system, err := cpuTicks(pid)
	return max(sum, user+system), system, err
}

// cpuTicks reads utime and stime, fields 14 and 15 of stat, in ticks of 10 ms.
func cpuTicks(pid int) (user, system time.Duration, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, err
	}
	// The name in parentheses may hold blanks; fields are counted after it.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 13 {
		return 0, 0, fmt.Errorf("stat of process %d: %d fields", pid, len(fields))
	}
	var ticks [2]int64
	for i, f := range fields[11:13] {
		if ticks[i], err = strconv.ParseInt(f, 10, 64); err != nil {
			return 0, 0, fmt.Errorf("stat of process %d: %w", pid, err)
		}
	}
	const tick = 10 * time.Millisecond
	return time.Duration(ticks[0]) * tick, time.Duration(ticks[1]) * tick, nil
}
