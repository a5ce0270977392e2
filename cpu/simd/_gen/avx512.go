package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// A step of 16 floats is a cache line. Two steps a turn keep eight chains.
var (
	avx512Four    = shape{rows: 4, accs: 2, unroll: 2}
	avx512One     = shape{rows: 1, accs: 4, unroll: 4}
	avx512IntFour = shape{rows: 4, accs: 2, unroll: 2}
	avx512IntOne  = shape{rows: 1, accs: 4, unroll: 4}
)

func emitAVX512() {
	for _, m := range []struct {
		name    string
		squared bool
	}{{"dot", false}, {"l2", true}} {
		f32, f16, i8 := f32AVX512(m.squared), f16AVX512(m.squared), i8AVX512(m.squared)
		emitPair(m.name+"F32AVX512", f32, f32Types, avx512One)
		emitRows(m.name+"RowsF32AVX512", f32, f32Types, avx512Four, avx512One)
		emitGather(m.name+"GatherF32AVX512", f32, f32Types, avx512Four, avx512One)
		emitRows(m.name+"RowsF16AVX512", f16, f16Types, avx512Four, avx512One)
		emitGather(m.name+"GatherF16AVX512", f16, f16Types, avx512Four, avx512One)
		emitPair(m.name+"I8AVX512", i8, i8Types, avx512IntOne)
		emitRows(m.name+"RowsI8AVX512", i8, i8Types, avx512IntFour, avx512IntOne)
		emitGather(m.name+"GatherI8AVX512", i8, i8Types, avx512IntFour, avx512IntOne)
	}
	emitTilesAVX512()
	emitPanelsAVX512()
	u8 := u8i8AVX512()
	emitRows("dotRowsU8I8AVX512", u8, u8i8Types, avx512IntFour, avx512IntOne)
	emitGather("dotGatherU8I8AVX512", u8, u8i8Types, avx512IntFour, avx512IntOne)
	emitPeak("peakF32AVX512", 64, 24)
}

// f32AVX512 is sixteen float32 a step; the last step is masked.
func f32AVX512(squared bool) arith {
	load := func(m Mem) VecVirtual {
		v := ZMM()
		VMOVUPS(m, v)
		return v
	}
	masked := func(m Mem, k OpmaskVirtual) VecVirtual {
		v := ZMM()
		VMOVUPS_Z(m, k, v)
		return v
	}
	a := arith{
		lanes: 16, qBytes: 4, rowBytes: 4,
		zero: zeroZMM, loadQ: load, loadRow: load,
		add:    func(x, y VecVirtual) { VADDPS(y, x, x) },
		sum4:   sumF32ZMM4,
		store4: storeF32ZMM4,
		store1: func(v VecVirtual, out Mem) { storeF32YMM1(halveF32(v), out) },
		tail:   tailOpmask(masked, masked),
	}
	if squared {
		a.fold = func(acc, q, row VecVirtual) {
			VSUBPS(row, q, row)
			VFMADD231PS(row, row, acc)
		}
		a.foldMem = func(acc, q VecVirtual, row Mem) {
			d := ZMM()
			VSUBPS(row, q, d)
			VFMADD231PS(d, d, acc)
		}
		a.foldKeep = func(acc, q, row VecVirtual) {
			d := ZMM()
			VSUBPS(row, q, d)
			VFMADD231PS(d, d, acc)
		}
	} else {
		a.fold = func(acc, q, row VecVirtual) { VFMADD231PS(row, q, acc) }
		a.foldKeep = a.fold
		a.foldMem = func(acc, q VecVirtual, row Mem) { VFMADD231PS(row, q, acc) }
	}
	return a
}

// f16AVX512 is sixteen half floats a step, against a float32 query.
func f16AVX512(squared bool) arith {
	a := f32AVX512(squared)
	a.rowBytes, a.foldMem = 2, nil
	a.loadRow = func(m Mem) VecVirtual {
		v := ZMM()
		VCVTPH2PS(m, v)
		return v
	}
	a.tail = tailOpmask(func(m Mem, k OpmaskVirtual) VecVirtual {
		v := ZMM()
		VMOVUPS_Z(m, k, v)
		return v
	}, func(m Mem, k OpmaskVirtual) VecVirtual {
		v := ZMM()
		VCVTPH2PS_Z(m, k, v)
		return v
	})
	return a
}

// i8AVX512 is 32 bytes a step, widened to 16 bits: VPDPBUSD wants one unsigned
// side, and correcting a signed one costs as much as widening.
func i8AVX512(squared bool) arith {
	load := func(m Mem) VecVirtual {
		v := ZMM()
		VPMOVSXBW(m, v)
		return v
	}
	masked := func(m Mem, k OpmaskVirtual) VecVirtual {
		v := ZMM()
		VPMOVSXBW_Z(m, k, v)
		return v
	}
	a := intAVX512(32, load, masked)
	a.fold = func(acc, q, row VecVirtual) {
		if !squared {
			VPDPWSSD(row, q, acc)
			return
		}
		VPSUBW(row, q, row)
		VPDPWSSD(row, row, acc)
	}
	return a
}

// u8i8AVX512 is 64 bytes a step: four products and their sum in one VPDPBUSD,
// which does not saturate.
func u8i8AVX512() arith {
	load := func(m Mem) VecVirtual {
		v := ZMM()
		VMOVDQU8(m, v)
		return v
	}
	masked := func(m Mem, k OpmaskVirtual) VecVirtual {
		v := ZMM()
		VMOVDQU8_Z(m, k, v)
		return v
	}
	a := intAVX512(64, load, masked)
	a.fold = func(acc, q, row VecVirtual) { VPDPBUSD(q, row, acc) }
	return a
}

func intAVX512(lanes int, load func(Mem) VecVirtual,
	masked func(Mem, OpmaskVirtual) VecVirtual) arith {
	return arith{
		lanes: lanes, qBytes: 1, rowBytes: 1,
		zero: zeroZMM, loadQ: load, loadRow: load,
		add:    func(x, y VecVirtual) { VPADDD(y, x, x) },
		store4: storeI32ZMM4,
		store1: func(v VecVirtual, out Mem) { storeI32YMM1(halveI32(v), out) },
		tail:   tailOpmask(masked, masked),
	}
}

// tailOpmask loads the last columns under a mask; lanes that are off read
// nothing and are zero.
func tailOpmask(loadQ, loadRow func(Mem, OpmaskVirtual) VecVirtual) func(*kernel, *block, GPVirtual) {
	return func(k *kernel, b *block, left GPVirtual) {
		mask := opmask(left)
		q := loadQ(k.qAt(0), mask)
		for r, p := range b.ptr {
			k.a.fold(b.acc[r][0], q, loadRow(k.rowAt(p, 0), mask))
		}
	}
}

// opmask returns a mask of the first left lanes.
func opmask(left GPVirtual) OpmaskVirtual {
	ones, mask := GP64(), K()
	MOVQ(I32(-1), ones)
	BZHIQ(left, ones, ones)
	KMOVQ(ones, mask)
	return mask
}

func zeroZMM() VecVirtual {
	v := ZMM()
	VPXORD(v, v, v)
	return v
}

// halveF32 and halveI32 add the upper half of v to the lower.
func halveF32(v VecVirtual) VecVirtual {
	high := YMM()
	VEXTRACTF64X4(Imm(1), v, high)
	VADDPS(high, v.AsY(), high)
	return high
}

func halveI32(v VecVirtual) VecVirtual {
	high := YMM()
	VEXTRACTI64X4(Imm(1), v, high)
	VPADDD(high, v.AsY(), high)
	return high
}

func storeF32ZMM4(v []VecVirtual, out Mem) { VMOVUPS(sumF32ZMM4(v), out) }

// sumF32ZMM4 interleaves pairs while adding. VHADDPS would be shorter but does
// not reach the upper sixteen registers.
func sumF32ZMM4(v []VecVirtual) VecVirtual {
	pair := func(a, b VecVirtual) VecVirtual {
		low := ZMM()
		VUNPCKLPS(b, a, low)
		VUNPCKHPS(b, a, a)
		VADDPS(a, low, low)
		return low
	}
	ab, cd, sum := pair(v[0], v[1]), pair(v[2], v[3]), ZMM()
	VUNPCKLPD(cd, ab, sum)
	VUNPCKHPD(cd, ab, ab)
	VADDPS(ab, sum, sum)
	half, quarter := halveF32(sum), XMM()
	VEXTRACTF32X4(Imm(1), half, quarter)
	VADDPS(half.AsX(), quarter, quarter)
	return quarter
}

func storeI32ZMM4(v []VecVirtual, out Mem) {
	var half []VecVirtual
	for _, z := range v {
		half = append(half, halveI32(z))
	}
	storeI32YMM4(half, out)
}
