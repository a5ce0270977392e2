package simd

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/vectorizer-go/vectorizer/cpu/simd/simdtest"
)

func TestScoreGatherU8(t *testing.T) {
	simdtest.EachLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 1))
		for _, stride := range []int{64, 128, 192, 512} {
			for _, count := range []int{0, 1, 2, 3, 4, 5, 8, 31} {
				const total = 40
				rows := make([]uint8, total*stride)
				for i := range rows {
					rows[i] = uint8(r.Uint32())
				}
				q := make([]int8, stride)
				for i := range q[:stride-CodeTrailerBytes] {
					q[i] = int8(r.Uint32())
				}
				bias := make([]float32, total)
				for i := range bias {
					bias[i] = r.Float32() * 100
					binary.NativeEndian.PutUint32(rows[(i+1)*stride-CodeTrailerBytes:], math.Float32bits(bias[i]))
				}
				ids := make([]uint32, count)
				for i := range ids {
					ids[i] = uint32(r.IntN(total))
				}
				s := Score{Shift: int32(r.IntN(1000)), Scale: 0.01, Bias: 3, Offset: -1}
				for _, slack := range []int{0, 3} {
					out := make([]float32, count+slack)
					ScoreGatherU8(q, rows, ids, &s, out[:count])
					for i, id := range ids {
						sum := int32(0)
						for j, x := range q {
							sum += int32(x) * int32(rows[int(id)*stride+j])
						}
						want := (s.Bias + bias[id]) + s.Offset - float32(s.Scale*float32(sum-s.Shift))
						if math.Abs(float64(out[i]-want)) > 1e-3 {
							t.Fatalf("stride %d, row %d of %d: %g, want %g", stride, i, count, out[i], want)
						}
					}
				}
			}
		}
	})
}

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
