package simd

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestFreshRows(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	rows := make([]uint8, 256*64)
	for range 200 {
		marks := make([]uint64, 3) // rows up to 191
		for i := range marks {
			marks[i] = r.Uint64() & r.Uint64()
		}
		list := make([]uint32, r.IntN(33))
		end := len(list)
		for i := range list {
			list[i] = uint32(r.IntN(200))
			if r.IntN(40) == 0 && end == len(list) {
				list[i], end = noRow, i
			}
		}
		want, wantMarks := []uint32{7}, slices.Clone(marks)
		for _, row := range list[:end] {
			if row >= 192 || wantMarks[row>>6]>>(row&63)&1 != 0 {
				continue
			}
			wantMarks[row>>6] |= 1 << (row & 63)
			want = append(want, row)
		}
		ids := append(make([]uint32, 0, len(list)+2), 7)
		ids = FreshRows(list, marks, ids, rows, 64, 1+r.IntN(4))
		if !slices.Equal(ids, want) || !slices.Equal(marks, wantMarks) {
			t.Fatalf("list %v: got %v want %v", list, ids, want)
		}
	}
	Prefetch([]uint32{1}, 3)
	FetchRows([]uint32{3, 1, 255}, rows, 64, 2)
	FetchRows(nil, rows, 64, 1)
}
