package simd

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/vectorizer-go/vectorizer/cpu/simd/simdtest"
)

// scoreCase is a query, rows of codes with their constants, and what comes out.
type scoreCase struct {
	q    []int8
	rows []uint8
	ids  []uint32
	s    Score
	want []float64
}

const scoreRows = 40

// newScoreCase draws rows of stride bytes and count numbers of them; bits is the
// width of a code.
func newScoreCase(r *rand.Rand, stride, count, bits int) *scoreCase {
	c := &scoreCase{q: make([]int8, stride*8/bits), rows: make([]uint8, scoreRows*stride), ids: make([]uint32, count),
		s: Score{Shift: int32(r.IntN(1000)), Scale: 0.01, Bias: 3, Offset: -1}}
	for i := range c.rows {
		c.rows[i] = uint8(r.Uint32())
	}
	for i := range c.q {
		c.q[i] = int8(r.IntN(255) - 127)
	}
	switch bits {
	case 8:
		clear(c.q[len(c.q)-CodeTrailerBytes:])
	case 4:
		clear(c.q[len(c.q)-CodeTrailerBytes:])
		clear(c.q[len(c.q)-codeLine-CodeTrailerBytes : len(c.q)-codeLine])
	case 1:
		for i := range c.q {
			c.q[i] = int8(r.IntN(16) - 8)
		}
		clear(c.q[len(c.q)-8*CodeTrailerBytes:])
	}
	for i := range scoreRows {
		end := c.rows[(i+1)*stride-CodeTrailerBytes:]
		binary.NativeEndian.PutUint32(end, math.Float32bits(r.Float32()*100))
		binary.NativeEndian.PutUint32(end[4:], math.Float32bits(0.5+r.Float32()))
	}
	for i := range c.ids {
		c.ids[i] = uint32(r.IntN(scoreRows))
		c.want = append(c.want, c.oracle(c.rows[int(c.ids[i])*stride:][:stride], bits))
	}
	return c
}

func (c *scoreCase) oracle(row []uint8, bits int) float64 {
	sum, factor, scale := 0, 1, 1.0
	for i, x := range c.q {
		var code int
		switch bits {
		case 8:
			code = int(row[i])
		case 4:
			at := i/128*64 + i%64
			code = int(row[at]) >> (i % 128 / 64 * 4) & 15
		case 1:
			code = int(row[i/8]) >> (i % 8) & 1
		}
		sum += int(x) * code
	}
	end := row[len(row)-CodeTrailerBytes:]
	if bits < 8 {
		factor, scale = 2, float64(codeFloat(end[4:]))
	}
	return float64(c.s.Bias) + float64(codeFloat(end)) + float64(c.s.Offset) -
		float64(c.s.Scale)*scale*float64(factor*sum-int(c.s.Shift))
}

func (c *scoreCase) check(t *testing.T, out []float32) {
	t.Helper()
	for i, want := range c.want {
		if math.Abs(float64(out[i])-want) > 1e-5*(math.Abs(want)+100) {
			t.Fatalf("%d codes of a query, row %d of %d: %g, want %g", len(c.q), i, len(c.want), out[i], want)
		}
	}
}

// planes is the query bit by bit.
func (c *scoreCase) planes() []uint64 {
	out := make([]uint64, len(c.q)/16)
	for i, x := range c.q {
		for bit := range 4 {
			out[i/512*32+8*bit+i%512/64] |= uint64(uint8(x)>>bit&1) << (i % 64)
		}
	}
	return out
}

// score is the function for codes of so many bits.
func (c *scoreCase) score(bits int) func(out []float32) {
	switch bits {
	case 8:
		return func(out []float32) { ScoreGatherU8(c.q, c.rows, c.ids, &c.s, out) }
	case 4:
		return func(out []float32) { ScoreGatherU4(c.q, c.rows, c.ids, &c.s, out) }
	}
	planes := c.planes()
	return func(out []float32) { ScoreGatherU1(planes, c.rows, c.ids, &c.s, out) }
}

// TestScoreGather compares all widths with an oracle; what follows the results and
// the room that the kernels may use stays as it is.
func TestScoreGather(t *testing.T) {
	simdtest.EachLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 1))
		for _, stride := range []int{64, 128, 192, 512, 576} {
			for _, count := range []int{0, 1, 2, 3, 4, 5, 8, 31} {
				for _, bits := range []int{8, 4, 1} {
					c := newScoreCase(r, stride, count, bits)
					score := c.score(bits)
					for _, slack := range []int{0, 3} {
						const canary = -12345
						out := make([]float32, count+slack+8)
						for i := range out {
							out[i] = canary
						}
						score(out[: count : count+slack])
						c.check(t, out)
						for i, x := range out[count+slack:] {
							if x != canary {
								t.Fatalf("%d bits, stride %d: wrote %d behind", bits, stride, i)
							}
						}
					}
				}
			}
		}
	})
}

func BenchmarkScoreGather(b *testing.B) {
	r := rand.New(rand.NewPCG(2, 2))
	for _, bits := range []int{8, 4, 1} {
		b.Run(fmt.Sprintf("u%d", bits), func(b *testing.B) {
			score := newScoreCase(r, 128, 16, bits).score(bits)
			out := make([]float32, 20)
			for b.Loop() {
				score(out[:16])
			}
		})
	}
}
