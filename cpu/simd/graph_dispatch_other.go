//go:build !amd64 || noasm || !gc

package simd

import "sync/atomic"

func freshRows(list []uint32, marks []uint64, ids []uint32, _ []uint8, _, _ int) int {
	found := 0
	for i := range list {
		r := atomic.LoadUint32(&list[i])
		if r == noRow {
			break
		}
		at, bit := int(r>>6), uint64(1)<<(r&63)
		if at >= len(marks) || marks[at]&bit != 0 {
			continue
		}
		marks[at] |= bit
		ids[found] = r
		found++
	}
	return found
}

func prefetch([]uint32, int) {}

func fetchRows([]uint32, []uint8, int, int) {}

func gathersAhead() bool { return false }
