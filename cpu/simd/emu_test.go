package simd

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/vectorizer-go/vectorizer/cpu/simd/simdtest"
)

// emuDims are lengths around every step width: each tail length of 64 lanes, and
// several turns of the main loops.
func emuDims() []int {
	step := 1
	if checkIDs { // race and invariants builds: the interpreter is the same, but slow
		step = 9
	}
	var dims []int
	for n := 1; n <= 135; n += step {
		dims = append(dims, n)
	}
	return append(dims, 191, 192, 193, 255, 256, 257)
}

// TestEmulated runs every kernel of both generated files in the interpreter,
// against the oracle and with exact bounds on every access.
func TestEmulated(t *testing.T) {
	for _, level := range []string{"AVX2", "AVX512"} {
		t.Run(level, func(t *testing.T) {
			p := parseAsm(t, strings.ToLower(level)+"_amd64.s")
			used := map[string]bool{}
			r := rand.New(rand.NewPCG(12, 12))
			for _, n := range emuDims() {
				emulateF32(t, p, used, level, r, n)
				emulateF16(t, p, used, level, r, n)
				emulateInt(t, p, used, level, dotI8Kernel, r, n, [3]string{"dotI8", "dotRowsI8", "dotGatherI8"})
				emulateInt(t, p, used, level, l2I8Kernel, r, n, [3]string{"l2I8", "l2RowsI8", "l2GatherI8"})
				emulateInt(t, p, used, level, dotU8I8Kernel, r, n, [3]string{"", "dotRowsU8I8", "dotGatherU8I8"})
				if level == "AVX2" {
					emulateInt(t, p, used, level, hammingKernel, r, n,
						[3]string{"hamming", "hammingRows", "hammingGather"})
				}
			}
			if level == "AVX2" {
				emulateConversions(t, p, used, r)
				emulateLess(t, p, used, r)
			}
			emulatePanels(t, p, used, level, r)
			emulatePeak(t, p, used, level)
			for name := range p.funcs {
				if !used[name] {
					t.Errorf("%s was not run", name)
				}
			}
		})
	}
}

// emuRows is a block of count rows of n components, a list of row numbers, and
// room for results.
type emuRows struct {
	n, stride, count int
	ids              []uint32
}

func newEmuRows(r *rand.Rand, n int) emuRows {
	e := emuRows{n: n, stride: n + r.IntN(4), count: 1 + r.IntN(9)}
	for range e.count {
		e.ids = append(e.ids, uint32(r.IntN(e.count)))
	}
	return e
}

func (e emuRows) size() int { return (e.count-1)*e.stride + e.n }

func emulateF32(t *testing.T, p *asmProgram, used map[string]bool, level string, r *rand.Rand, n int) {
	e := newEmuRows(r, n)
	q, rows := randomF32(r, n), randomF32(r, e.size())
	for metric, oracle := range map[string]func(a, b []float32) (float64, float64){"dot": dot64, "l2": l264} {
		name := metric + "F32" + level
		used[name] = true
		m := newEmu(t, p)
		frame := m.call(name, placeSlice(m, q), placeSlice(m, rows[:n]), uint64(n))
		got := math.Float32frombits(little.Uint32(frame[24:]))
		if want, abs := oracle(q, rows[:n]); !near(got, want, abs, tolF32(n)) {
			t.Fatalf("%s n=%d: got %v want %v", name, n, got, want)
		}
		check := func(name string, got []float32, row func(i int) int) {
			t.Helper()
			used[name] = true
			for i, g := range got {
				at := row(i) * e.stride
				want, abs := oracle(q, rows[at:at+n])
				if !near(g, want, abs, tolF32(n)) {
					t.Fatalf("%s n=%d [%d]: got %v want %v", name, n, i, g, want)
				}
			}
		}
		name = metric + "RowsF32" + level
		check(name, emulateRows(t, p, name, q, rows, e, 4, float32(0)), func(i int) int { return i })
		name = metric + "GatherF32" + level
		check(name, emulateGather(t, p, name, q, rows, e, 4, float32(0)), func(i int) int { return int(e.ids[i]) })
		emulateTile(t, p, used, metric+"TileF32"+level, oracle, r, n)
	}
}

func emulateRows[Q, R, O any](
	t *testing.T, p *asmProgram, name string, q []Q, rows []R, e emuRows, size int, _ O,
) []O {
	m, out := newEmu(t, p), make([]O, e.count)
	m.call(name, placeSlice(m, q), placeSlice(m, rows), uint64(e.n), uint64(e.stride*size),
		placeSlice(m, out), uint64(e.count))
	return out
}

func emulateGather[Q, R, O any](
	t *testing.T, p *asmProgram, name string, q []Q, rows []R, e emuRows, size int, _ O,
) []O {
	m, out := newEmu(t, p), make([]O, e.count)
	m.call(name, placeSlice(m, q), placeSlice(m, rows), uint64(e.n), uint64(e.stride*size),
		placeSlice(m, e.ids), placeSlice(m, out), uint64(e.count), uint64(4+e.n%9))
	return out
}

func emulateTile(t *testing.T, p *asmProgram, used map[string]bool, name string,
	oracle func(a, b []float32) (float64, float64), r *rand.Rand, n int) {
	used[name] = true
	perGroup := 4
	switch {
	case name == "dotTileF32AVX2":
		perGroup = 3
	case name == "l2TileF32AVX2":
		perGroup = 2
	}
	groups := 1 + n%3
	count := perGroup * groups
	q, rows := randomF32(r, tileQueries*n), randomF32(r, count*n)
	outStride := count + n%2
	out := make([]float32, (tileQueries-1)*outStride+count)
	m := newEmu(t, p)
	m.call(name, placeSlice(m, q), uint64(n), uint64(4*n), placeSlice(m, rows), uint64(4*n),
		placeSlice(m, out), uint64(4*outStride), uint64(groups))
	for i := range tileQueries {
		for j := range count {
			want, abs := oracle(q[i*n:(i+1)*n], rows[j*n:(j+1)*n])
			if got := out[i*outStride+j]; !near(got, want, abs, tolF32(n)) {
				t.Fatalf("%s n=%d [%d][%d]: got %v want %v", name, n, i, j, got, want)
			}
		}
	}
}

func emulateF16(t *testing.T, p *asmProgram, used map[string]bool, level string, r *rand.Rand, n int) {
	e := newEmuRows(r, n)
	q, rows, wide := randomF32(r, n), make([]uint16, e.size()), make([]float32, e.size())
	narrowF16Generic(rows, randomF32(r, len(rows)))
	widenF16Generic(wide, rows)
	for metric, oracle := range map[string]func(a, b []float32) (float64, float64){"dot": dot64, "l2": l264} {
		seq, gather := metric+"RowsF16"+level, metric+"GatherF16"+level
		used[seq], used[gather] = true, true
		a := emulateRows(t, p, seq, q, rows, e, 2, float32(0))
		b := emulateGather(t, p, gather, q, rows, e, 2, float32(0))
		for i := range a {
			want, abs := oracle(q, wide[i*e.stride:i*e.stride+n])
			if !near(a[i], want, abs, tolF32(n)) {
				t.Fatalf("%s n=%d [%d]: got %v want %v", seq, n, i, a[i], want)
			}
			at := int(e.ids[i]) * e.stride
			if want, abs = oracle(q, wide[at:at+n]); !near(b[i], want, abs, tolF32(n)) {
				t.Fatalf("%s n=%d [%d]: got %v want %v", gather, n, i, b[i], want)
			}
		}
	}
}

func emulateInt[Q, R any](t *testing.T, p *asmProgram, used map[string]bool, level string,
	k intKernel[Q, R], r *rand.Rand, n int, names [3]string) {
	e := newEmuRows(r, n)
	q, rows := make([]Q, n), make([]R, e.size())
	for i := range q {
		q[i] = k.fillQ(r)
	}
	for i := range rows {
		rows[i] = k.fillR(r)
	}
	size := 1
	if _, words := any(rows).([]uint64); words {
		size = 8
	}
	var want, gathered []int32
	for i := range e.count {
		want = append(want, k.oracle(q, rows[i*e.stride:i*e.stride+n]))
	}
	for _, id := range e.ids {
		gathered = append(gathered, want[id])
	}
	if names[0] != "" {
		used[names[0]+level] = true
		m := newEmu(t, p)
		frame := m.call(names[0]+level, placeSlice(m, q), placeSlice(m, rows[:n]), uint64(n))
		if got := int32(little.Uint32(frame[24:])); got != want[0] {
			t.Fatalf("%s n=%d: got %d want %d", names[0], n, got, want[0])
		}
	}
	used[names[1]+level], used[names[2]+level] = true, true
	if got := emulateRows(t, p, names[1]+level, q, rows, e, size, int32(0)); !slices.Equal(got, want) {
		t.Fatalf("%s n=%d: got %v want %v", names[1], n, got, want)
	}
	if got := emulateGather(t, p, names[2]+level, q, rows, e, size, int32(0)); !slices.Equal(got, gathered) {
		t.Fatalf("%s n=%d: got %v want %v", names[2], n, got, gathered)
	}
}

func emulateConversions(t *testing.T, p *asmProgram, used map[string]bool, r *rand.Rand) {
	used["widenF16AVX2"], used["narrowF16AVX2"] = true, true
	for _, n := range []int{0, 8, 64} {
		half, wide, back := make([]uint16, n), make([]float32, n), make([]uint16, n)
		narrowF16Generic(half, randomF32(r, n))
		m := newEmu(t, p)
		at := placeSlice(m, wide)
		m.call("widenF16AVX2", at, placeSlice(m, half), uint64(n))
		m.call("narrowF16AVX2", placeSlice(m, back), at, uint64(n))
		for i := range half {
			if wide[i] != f16ToF32(half[i]) || back[i] != half[i] {
				t.Fatalf("n=%d [%d]: %#04x became %v, then %#04x", n, i, half[i], wide[i], back[i])
			}
		}
	}
}

func emulateLess(t *testing.T, p *asmProgram, used map[string]bool, r *rand.Rand) {
	used["lessF32AVX2"] = true
	for _, words := range []int{1, 3} {
		d := randomF32(r, 64*words)
		want, wantMask := slices.Clone(d), make([]uint64, words)
		lessF32Generic(want, -1, 1, 0.5, wantMask)
		m, mask := newEmu(t, p), make([]uint64, words)
		scale := uint64(math.Float32bits(-1)) | uint64(math.Float32bits(1))<<32
		m.call("lessF32AVX2", placeSlice(m, d), uint64(words), scale, uint64(math.Float32bits(0.5)),
			placeSlice(m, mask))
		if !slices.Equal(d, want) || !slices.Equal(mask, wantMask) {
			t.Fatalf("less, %d words: got %x want %x", words, mask, wantMask)
		}
	}
}

// TestEmulatorAgreesWithCPU runs the AVX2 kernels in the interpreter and on the
// CPU: the same bits prove that the interpreter reads instructions as they are.
func TestEmulatorAgreesWithCPU(t *testing.T) {
	if !slices.Contains(simdtest.Levels(), "avx2") {
		t.Logf("levels here are %v: nothing to compare with", simdtest.Levels())
		return
	}
	simdtest.Lower(t, "avx2")
	p := parseAsm(t, "avx2_amd64.s")
	r := rand.New(rand.NewPCG(13, 13))
	for _, n := range emuDims() {
		e := newEmuRows(r, n)
		q, rows, out := randomF32(r, n), randomF32(r, e.size()), make([]float32, e.count)
		for name, kernel := range map[string]func(q, rows []float32, stride int, ids []uint32, out []float32){
			"dotGatherF32AVX2": DotGatherF32, "l2GatherF32AVX2": L2GatherF32,
		} {
			kernel(q, rows, e.stride, e.ids, out)
			if got := emulateGather(t, p, name, q, rows, e, 4, float32(0)); !slices.Equal(got, out) {
				t.Fatalf("%s n=%d: interpreter %v, CPU %v", name, n, got, out)
			}
		}
	}
}
