package simd

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// SelfTest runs every kernel of the level in use on known inputs and compares it
// with plain Go. A server calls it once at start (it takes a few milliseconds):
// a CPU, an emulator or a hypervisor that runs an instruction wrongly would
// otherwise show as bad search results only. The error names the kernel.
func SelfTest() error {
	for _, n := range []int{1, 3, 8, 15, 16, 17, 31, 33, 63, 64, 65, 100, 128, 200, 257} {
		in := newSelfTestInput(n)
		for _, check := range []func(*selfTestInput) error{
			selfTestF32, selfTestPanel, selfTestF16, selfTestInt, selfTestBits, selfTestScore,
		} {
			if err := check(in); err != nil {
				return fmt.Errorf("simd: level %s, %d components: %w", Level(), n, err)
			}
		}
	}
	return nil
}

// selfTestRows is one group of four and a rest.
const selfTestRows = 7

// selfTestInput is a query and rows of n components in every type.
type selfTestInput struct {
	n     int
	ids   []uint32
	f32   [2][]float32 // query, rows
	f16   []uint16
	i8    [2][]int8
	u8    []uint8
	words [2][]uint64
}

// newSelfTestInput fills everything from a small generator (xorshift64).
func newSelfTestInput(n int) *selfTestInput {
	in := &selfTestInput{n: n, ids: []uint32{6, 0, 5, 1, 4, 2, 3}}
	x := uint64(n)*0x9e3779b97f4a7c15 + 1
	next := func() uint64 {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		return x
	}
	for side, count := range []int{1, selfTestRows} {
		for range count * n {
			v := next()
			in.f32[side] = append(in.f32[side], float32(int32(v>>32))/(1<<30))
			in.i8[side] = append(in.i8[side], int8(v))
			in.words[side] = append(in.words[side], v)
			if side == 1 {
				in.f16 = append(in.f16, f32ToF16(float32(int32(v>>24))/(1<<30)))
				in.u8 = append(in.u8, uint8(v>>8))
			}
		}
	}
	return in
}

// closeF32 compares sums of terms whose absolute values are at most 16.
func closeF32(name string, got, want []float32, n int) error {
	for i := range want {
		if !(math.Abs(float64(got[i])-float64(want[i])) <= 1e-5*16*float64(n)) {
			return fmt.Errorf("%s: result %d is %v, want %v", name, i, got[i], want[i])
		}
	}
	return nil
}

func equalI32(name string, got, want []int32) error {
	if !slices.Equal(got, want) {
		return fmt.Errorf("%s: got %v, want %v", name, got, want)
	}
	return nil
}

func selfTestF32(in *selfTestInput) error {
	q, rows, n := in.f32[0], in.f32[1], in.n
	got, want := make([]float32, selfTestRows), make([]float32, selfTestRows)
	for _, k := range []struct {
		name         string
		run, generic func(q, rows []float32, stride int, ids []uint32, out []float32)
		seq          func(q, rows []float32, stride int, out []float32)
		pair         func(a, b []float32) float32
		tile         func(q []float32, dim int, rows []float32, stride, count int, out []float32, outStride int)
	}{
		{"dot", DotGatherF32, dotGatherF32Generic, DotRowsF32, DotF32, DotTileF32},
		{"l2", L2GatherF32, l2GatherF32Generic, L2RowsF32, L2F32, L2TileF32},
	} {
		k.generic(q, rows, n, in.ids, want)
		k.run(q, rows, n, in.ids, got)
		if err := closeF32(k.name+"GatherF32", got, want, n); err != nil {
			return err
		}
		k.seq(q, rows, n, got)
		tiled := make([]float32, 4*selfTestRows)
		k.tile(slices.Repeat(q, 4), n, rows, n, selfTestRows, tiled, selfTestRows)
		for i, id := range in.ids {
			for name, v := range map[string]float32{
				"RowsF32": got[id], "F32": k.pair(q, rows[int(id)*n:int(id+1)*n]),
				"TileF32": tiled[3*selfTestRows+int(id)],
			} {
				if err := closeF32(k.name+name, []float32{v}, want[i:i+1], n); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// selfTestPanel has the query at the last place of a panel.
func selfTestPanel(in *selfTestInput) error {
	rows, n := in.f32[1], in.n
	queries := make([]float32, PanelQueries*n)
	copy(queries[(PanelQueries-1)*n:], in.f32[0])
	panel, out := make([]float32, len(queries)), make([]float32, selfTestRows*PanelQueries)
	PackPanelF32(panel, queries, n)
	for name, k := range map[string]struct {
		run    func(panel []float32, dim int, rows []float32, stride, count int, out []float32)
		oracle func(a, b []float32) float32
	}{"dotPanelF32": {DotPanelF32, DotF32}, "l2PanelF32": {L2PanelF32, L2F32}} {
		k.run(panel, n, rows, n, selfTestRows, out)
		for i := range selfTestRows {
			got, want := out[i*PanelQueries+PanelQueries-1], k.oracle(in.f32[0], rows[i*n:(i+1)*n])
			if err := closeF32(name, []float32{got}, []float32{want}, n); err != nil {
				return err
			}
		}
	}
	limits, mask := [PanelQueries]float32{}, make([]uint32, 1)
	out = slices.Repeat([]float32{1, -1}, PanelQueries/2)
	AffineLessPanelF32(out, 1, 0, &limits, mask)
	if mask[0] != 0xaaaaaaaa {
		return fmt.Errorf("lessPanelF32: mask %#x", mask[0])
	}
	return nil
}

func selfTestF16(in *selfTestInput) error {
	q, n := in.f32[0], in.n
	got, want := make([]float32, selfTestRows), make([]float32, selfTestRows)
	dotGatherF16Generic(q, in.f16, n, in.ids, want)
	DotGatherF16(q, in.f16, n, in.ids, got)
	if err := closeF32("dotGatherF16", got, want, n); err != nil {
		return err
	}
	l2RowsF16Generic(q, in.f16, n, want)
	L2RowsF16(q, in.f16, n, got)
	return closeF32("l2RowsF16", got, want, n)
}

func selfTestInt(in *selfTestInput) error {
	q, rows, n := in.i8[0], in.i8[1], in.n
	got, want := make([]int32, selfTestRows), make([]int32, selfTestRows)
	dotGatherI8Generic(q, rows, n, in.ids, want)
	DotGatherI8(q, rows, n, in.ids, got)
	if err := equalI32("dotGatherI8", got, want); err != nil {
		return err
	}
	l2GatherI8Generic(q, rows, n, in.ids, want)
	L2GatherI8(q, rows, n, in.ids, got)
	if err := equalI32("l2GatherI8", got, want); err != nil {
		return err
	}
	dotRowsI8Generic(q, rows, n, want)
	DotRowsI8(q, rows, n, got)
	if err := equalI32("dotRowsI8", got, want); err != nil {
		return err
	}
	dotGatherU8I8Generic(q, in.u8, n, in.ids, want)
	DotGatherU8I8(q, in.u8, n, in.ids, got)
	return equalI32("dotGatherU8I8", got, want)
}

func selfTestBits(in *selfTestInput) error {
	got, want := make([]int32, selfTestRows), make([]int32, selfTestRows)
	hammingGatherGeneric(in.words[0], in.words[1], in.n, in.ids, want)
	HammingGather(in.words[0], in.words[1], in.n, in.ids, got)
	return equalI32("hammingGather", got, want)
}

// selfTestScore compares distances by codes, of the first whole lines of what there
// is.
func selfTestScore(in *selfTestInput) error {
	const stride = codeLine
	rows := make([]uint8, selfTestRows*stride)
	for i := range rows {
		rows[i] = in.u8[i%len(in.u8)]
	}
	for i := range selfTestRows {
		end := rows[(i+1)*stride-CodeTrailerBytes:]
		binary.NativeEndian.PutUint32(end, math.Float32bits(float32(i)))
		binary.NativeEndian.PutUint32(end[4:], math.Float32bits(1/float32(i+1)))
	}
	q := make([]int8, 2*stride)
	for i := range q {
		if i%stride < stride-CodeTrailerBytes {
			q[i] = in.i8[0][i%in.n]
		}
	}
	s := Score{Shift: 77, Scale: 1e-3, Bias: 1, Offset: -2}
	got, want := make([]float32, selfTestRows, selfTestRows+4), make([]float32, selfTestRows)
	ScoreGatherU4(q, rows, in.ids, &s, got)
	scoreU4Generic(q, rows, in.ids, &s, want)
	if err := closeF32("ScoreGatherU4", got, want, in.n); err != nil {
		return err
	}
	planes := make([]uint64, stride/2)
	for i := range planes {
		if i%8 < (stride-CodeTrailerBytes)/8 {
			planes[i] = in.words[0][i%in.n]
		}
	}
	ScoreGatherU1(planes, rows, in.ids, &s, got)
	scoreU1Generic(planes, rows, in.ids, &s, want)
	if err := closeF32("ScoreGatherU1", got, want, in.n); err != nil {
		return err
	}
	ScoreGatherU8(q[:stride], rows, in.ids, &s, got)
	scoreRest(q[:stride], rows, in.ids, &s, want)
	return closeF32("ScoreGatherU8", got, want, in.n)
}
