package simd

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/vectorizer-go/vectorizer/cpu/simd/simdtest"
)

// TestAheadChangesNothing compares the bits of every depth, also beyond the ids.
func TestAheadChangesNothing(t *testing.T) {
	simdtest.EachLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(4, 4))
		for _, n := range []int{1, 33, 100, 257} {
			const held = 50
			q, rows := randomF32(r, n), randomF32(r, held*n)
			ids := make([]uint32, 37)
			for i := range ids {
				ids[i] = uint32(r.IntN(held))
			}
			for name, gather := range map[string]func(q, rows []float32, n int, ids []uint32, out []float32, ahead int){
				"dot": DotGatherAheadF32, "l2": L2GatherAheadF32,
			} {
				want := make([]float32, len(ids))
				gather(q, rows, n, ids, want, MinAhead)
				for _, ahead := range []int{-1, 0, 1, 5, 16, len(ids), maxFetch} {
					got := make([]float32, len(ids))
					if gather(q, rows, n, ids, got, ahead); !slices.Equal(got, want) {
						t.Fatalf("%s of %d components, %d ahead: %v, want %v", name, n, ahead, got, want)
					}
				}
			}
		}
	})
}

func TestFetch(t *testing.T) {
	f := Fetch{Ahead: [FetchClasses]uint8{0, 20, 0, 0, 9}, CodeLines: 3}
	for bytes, want := range map[int]int{
		4: 16, 192: 16, 196: 20, 384: 20, 388: 4, 768: 4, 772: 4, 2048: 4, 2052: 9, 1 << 20: 9,
	} {
		if got := f.Rows(bytes); got != want {
			t.Errorf("rows of %d bytes are fetched %d early, want %d", bytes, got, want)
		}
	}
	for bytes, want := range map[int]int{64: 1, 192: 3, 256: 3, 4096: 3} {
		if got := f.Lines(bytes); got != want {
			t.Errorf("%d lines of codes of %d bytes, want %d", got, bytes, want)
		}
	}
	if got := (Fetch{}).Lines(4096); got != usualCodeLines {
		t.Errorf("%d lines by default", got)
	}
	want := Fetch{Ahead: [FetchClasses]uint8{16, 20, 4, 4, 9}, CodeLines: 3}
	if got := f.Resolved(); got != want || got.Check() != nil {
		t.Errorf("resolved: %+v, want %+v", got, want)
	}
	if got := (Fetch{}).Resolved(); got.CodeLines != usualCodeLines {
		t.Errorf("resolved: %+v", got)
	}
}

func TestFetchCheck(t *testing.T) {
	for _, f := range []Fetch{{CodeLines: 65}, {Ahead: [FetchClasses]uint8{3}}, {Ahead: [FetchClasses]uint8{4: 65}}} {
		if f.Check() == nil {
			t.Errorf("%+v is accepted", f)
		}
	}
	if err := (Fetch{Ahead: [FetchClasses]uint8{4, 64}, CodeLines: 64}).Check(); err != nil {
		t.Error(err)
	}
}
