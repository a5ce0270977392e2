package doctor

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

// fsyncCheck measures what one durable write waits for: it appends a block to a
// temporary file in place and syncs it, some times over.
func fsyncCheck(place string) Check {
	const name = "fsync"
	took, err := measureFsync(place)
	if err != nil {
		return Check{name, Info, "not measured: " + err.Error(), "see permissions and disk space"}
	}
	slices.Sort(took)
	median, worst := took[len(took)/2], took[len(took)-1]
	found := fmt.Sprintf("%s, at worst %s of %d", round(median), round(worst), len(took))
	if median > 20*time.Millisecond {
		return Check{name, Warn, found, "write in batches or from many clients, which share syncs, " +
			"or choose a faster disk: a lone write waits that long"}
	}
	return ok(name, found)
}

// measureFsync returns the times of a few syncs of a file in dir.
func measureFsync(dir string) (took []time.Duration, err error) {
	f, err := os.CreateTemp(dir, ".doctor-*.tmp")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	const rounds, blockBytes = 9, 4096
	block := make([]byte, blockBytes)
	for range rounds {
		begin := time.Now()
		if _, err := f.Write(block); err != nil {
			return nil, err
		}
		if err := f.Sync(); err != nil {
			return nil, err
		}
		took = append(took, time.Since(begin))
	}
	return took, nil
}

// round keeps two or three digits of d.
func round(d time.Duration) time.Duration {
	switch {
	case d > 100*time.Millisecond:
		return d.Round(time.Millisecond)
	case d > time.Millisecond:
		return d.Round(10 * time.Microsecond)
	}
	return d.Round(time.Microsecond)
}
