package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// unit is the name of a number of bytes.
type unit struct {
	name  string
	bytes int64
}

// sizeUnits lists the binary units first, largest first, as FormatSize tries
// them.
func sizeUnits() []unit {
	return []unit{
		{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
		{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"KB", 1e3}, {"B", 1},
	}
}

// ParseSize reads a number of bytes with its unit, such as 64MiB, 1.5GB or
// 512B. Only 0 may stand without a unit: a bare number is too easily wrong.
func ParseSize(s string) (int64, error) {
	s = strings.TrimSpace(s)
	if s == "0" {
		return 0, nil
	}
	for _, u := range sizeUnits() {
		digits, ok := strings.CutSuffix(s, u.name)
		if !ok {
			continue
		}
		digits = strings.TrimSpace(digits)
		if n, err := strconv.ParseInt(digits, 10, 64); err == nil {
			if n < 0 || n > math.MaxInt64/u.bytes {
				return 0, fmt.Errorf("size %q is out of range", s)
			}
			return n * u.bytes, nil
		}
		f, err := strconv.ParseFloat(digits, 64)
		if err != nil || math.IsNaN(f) || f < 0 || f*float64(u.bytes) >= math.MaxInt64 {
			return 0, fmt.Errorf("size %q is not a number with a unit", s)
		}
		return int64(f * float64(u.bytes)), nil
	}
	return 0, fmt.Errorf("size %q has no unit (B, KiB, MiB, GiB, TiB, kB, MB, GB, TB)", s)
}

// FormatSize writes n bytes exactly, with the largest unit that divides n.
func FormatSize(n int64) string {
	if n == 0 {
		return "0B"
	}
	for _, u := range sizeUnits() {
		if n%u.bytes == 0 {
			return strconv.FormatInt(n/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10) + "B"
}

// FormatDuration writes d without zero minutes and seconds: 1h rather than
// 1h0m0s.
func FormatDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
