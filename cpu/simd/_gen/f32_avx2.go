package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

var f32Types = types{q: "float32", row: "float32", out: "float32"}

// Four rows with two accumulators each, or one row with four: eight (four)
// independent chains, for an FMA of four cycles issued twice a cycle.
var (
	avx2Four = shape{rows: 4, accs: 2, unroll: 2}
	avx2One  = shape{rows: 1, accs: 4, unroll: 4}
)

func emitF32AVX2() {
	masks := maskTable("f32Masks", 8)
	for _, m := range []struct {
		name string
		a    arith
	}{{"dot", f32AVX2(false, masks)}, {"l2", f32AVX2(true, masks)}} {
		emitPair(m.name+"F32AVX2", m.a, f32Types, avx2One)
		emitRows(m.name+"RowsF32AVX2", m.a, f32Types, avx2Four, avx2One)
		emitGather(m.name+"GatherF32AVX2", m.a, f32Types, avx2Four, avx2One)
	}
	emitTilesAVX2(masks)
	emitPanelsAVX2(masks)
}

// maskTable declares 2*lanes dwords, all ones then zeros: loading lanes of them
// from entry lanes-left gives a mask of left lanes.
func maskTable(name string, lanes int) Mem {
	t := GLOBL(name, RODATA|NOPTR)
	for i := range 2 * lanes {
		v := uint32(0)
		if i < lanes {
			v = ^v
		}
		DATA(4*i, U32(v))
	}
	return t
}

// f32AVX2 is eight float32 a step.
func f32AVX2(squared bool, masks Mem) arith {
	load := func(m Mem) VecVirtual {
		v := YMM()
		VMOVUPS(m, v)
		return v
	}
	a := arith{
		lanes: 8, qBytes: 4, rowBytes: 4,
		zero:    zeroYMM,
		loadQ:   load,
		loadRow: load,
		add:     func(x, y VecVirtual) { VADDPS(y, x, x) },
		sum4:    sumF32YMM4,
		store4:  storeF32YMM4,
		store1:  storeF32YMM1,
	}
	if squared {
		a.fold = func(acc, q, row VecVirtual) {
			VSUBPS(row, q, row)
			VFMADD231PS(row, row, acc)
		}
		a.foldMem = func(acc, q VecVirtual, row Mem) {
			d := YMM()
			VSUBPS(row, q, d)
			VFMADD231PS(d, d, acc)
		}
		a.foldKeep = func(acc, q, row VecVirtual) {
			d := YMM()
			VSUBPS(row, q, d)
			VFMADD231PS(d, d, acc)
		}
	} else {
		a.fold = func(acc, q, row VecVirtual) { VFMADD231PS(row, q, acc) }
		a.foldKeep = a.fold
		a.foldMem = func(acc, q VecVirtual, row Mem) { VFMADD231PS(row, q, acc) }
	}
	a.tail = func(k *kernel, b *block, left GPVirtual) { tailMasked(k, b, left, masks) }
	return a
}

// tailMasked loads the last columns with the lanes beyond them switched off:
// such lanes are not read, so nothing behind a row is touched.
func tailMasked(k *kernel, b *block, left GPVirtual, masks Mem) {
	mask := maskYMM(left, masks, k.a.lanes)
	q := YMM()
	VMASKMOVPS(k.qAt(0), mask, q)
	for r, p := range b.ptr {
		row := YMM()
		VMASKMOVPS(k.rowAt(p, 0), mask, row)
		k.a.fold(b.acc[r][0], q, row)
	}
}

// maskYMM returns a mask of the first left lanes and spoils left.
func maskYMM(left GPVirtual, masks Mem, lanes int) VecVirtual {
	table, mask := GP64(), YMM()
	LEAQ(masks, table)
	NEGQ(left)
	VMOVUPS(Mem{Base: table, Index: left, Scale: 4, Disp: 4 * lanes}, mask)
	return mask
}

func zeroYMM() VecVirtual {
	v := YMM()
	VXORPS(v, v, v)
	return v
}

// storeF32YMM4 adds up four registers side by side.
func storeF32YMM4(v []VecVirtual, out Mem) { VMOVUPS(sumF32YMM4(v), out) }

func sumF32YMM4(v []VecVirtual) VecVirtual {
	VHADDPS(v[1], v[0], v[0])
	VHADDPS(v[3], v[2], v[2])
	VHADDPS(v[2], v[0], v[0])
	high := XMM()
	VEXTRACTF128(Imm(1), v[0], high)
	VADDPS(high, v[0].AsX(), high)
	return high
}

func storeF32YMM1(v VecVirtual, out Mem) {
	high := XMM()
	VEXTRACTF128(Imm(1), v, high)
	VADDPS(high, v.AsX(), high)
	VHADDPS(high, high, high)
	VHADDPS(high, high, high)
	VMOVSS(high, out)
}
