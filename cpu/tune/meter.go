package tune

import (
	"slices"
	"unsafe"

	"github.com/vectorizer-go/vectorizer/cpu/simd"
)

const (
	// pageBytes is the unit in which memory comes from the system.
	pageBytes = 4096
	// group is how many rows are compared at once, about as many as one row's links
	// that a walk has not met yet.
	group = 16
	// passBytes is what one try reads.
	passBytes = 1 << 20
	// codeBytes is a row of codes whose lines are not all fetched by the table.
	codeBytes = 1024
)

// meter reads rows at random from a block of memory.
type meter struct {
	block []float32
	bytes []uint8 // the same
	query []float32
	codes []int8
	ids   [group]uint32
	out   [group + 4]float32
	state uint64 // of the generator of row numbers
}

// newMeter reads from block, and writes to each page of it: what was never written
// may be one page of zeros.
func newMeter(block []float32) *meter {
	for i := 0; i < len(block); i += pageBytes / 4 {
		block[i] = 1
	}
	return &meter{
		block: block, bytes: unsafe.Slice((*uint8)(unsafe.Pointer(unsafe.SliceData(block))), 4*len(block)),
		query: make([]float32, pageBytes/4), codes: make([]int8, codeBytes), state: 1,
	}
}

// trials are the depths of vectors, by size, and of codes.
func (m *meter) trials() []trial {
	var out []trial
	for class := range simd.FetchClasses {
		size := simd.FetchBytes(class)
		out = append(out, trial{
			usual:  simd.Fetch{}.Rows(size),
			depths: depths(simd.Fetch{}.Rows(size), 4, 8, 12, 16, 24),
			run:    func(ahead int) { m.vectors(size, ahead) },
			set:    func(f *simd.Fetch, ahead uint8) { f.Ahead[class] = ahead },
		})
	}
	usual := simd.Fetch{}.Lines(codeBytes)
	return append(out, trial{
		usual: usual, depths: depths(usual, 4, 8, codeBytes/64),
		run: m.rowsOfCodes,
		set: func(f *simd.Fetch, lines uint8) { f.CodeLines = lines },
	})
}

// depths are some that are tried, the usual one among them.
func depths(usual int, some ...int) []int {
	some = append(some, usual)
	slices.Sort(some)
	return slices.Compact(some)
}

// vectors does what a walk by vectors does: the first line of each row is fetched
// when it is met, the rest by the kernel.
func (m *meter) vectors(rowBytes, ahead int) {
	q := m.query[:rowBytes/4]
	for range passBytes / rowBytes / group {
		m.draw(len(m.bytes) / rowBytes)
		simd.FetchRows(m.ids[:], m.bytes, rowBytes, 1)
		simd.L2GatherAheadF32(q, m.block, rowBytes/4, m.ids[:], m.out[:group], ahead)
	}
}

// rowsOfCodes does what a walk by codes of eight bits does.
func (m *meter) rowsOfCodes(lines int) {
	var s simd.Score
	for range passBytes / codeBytes / group {
		m.draw(len(m.bytes) / codeBytes)
		simd.FetchRows(m.ids[:], m.bytes, codeBytes, lines)
		simd.ScoreGatherU8(m.codes, m.bytes, m.ids[:], &s, m.out[:group])
	}
}

// draw sets ids to numbers below rows (xorshift64).
func (m *meter) draw(rows int) {
	for i := range m.ids {
		m.state ^= m.state << 13
		m.state ^= m.state >> 7
		m.state ^= m.state << 17
		m.ids[i] = uint32(m.state >> 32 * uint64(rows) >> 32) //nolint:gosec // below rows
	}
}
