package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// emitPrepare emits what makes a vector into a query of codes.
func emitPrepare() {
	emitMeasured("centreF32AVX2", "func(dst, v, mean *float32, n int) (largest, squares float32)",
		"centreF32AVX2 is CentreF32 for n components, a multiple of 16.",
		func() func(m Mem, i GPVirtual, disp int) VecVirtual {
			mean := Load(Param("mean"), GP64())
			return func(m Mem, i GPVirtual, disp int) VecVirtual {
				x := YMM()
				VMOVUPS(m, x)
				VSUBPS(Mem{Base: mean, Index: i, Scale: 4, Disp: disp}, x, x)
				return x
			}
		})
	emitMeasured("scaleI32AVX2", "func(dst *float32, v *int32, n int, shift int32, scale float32) "+
		"(largest, squares float32)",
		"scaleI32AVX2 is ScaleI32 for n components, a multiple of 16.",
		func() func(m Mem, i GPVirtual, disp int) VecVirtual {
			shift, scale := YMM(), YMM()
			VMOVD(Load(Param("shift"), GP32()), shift.AsX())
			VPBROADCASTD(shift.AsX(), shift)
			VBROADCASTSS(paramMem("scale"), scale)
			return func(m Mem, _ GPVirtual, _ int) VecVirtual {
				x := YMM()
				VMOVDQU(m, x)
				VPSUBD(shift, x, x)
				VCVTDQ2PS(x, x)
				VMULPS(scale, x, x)
				return x
			}
		})
	emitRoundI8()
	emitWidenU4()
}

// emitMeasured emits a loop that writes what load returns and keeps its largest
// magnitude and the sum of its squares.
func emitMeasured(name, signature, doc string,
	setup func() func(m Mem, i GPVirtual, disp int) VecVirtual) {
	TEXT(name, NOSPLIT, signature)
	Pragma("noescape")
	Doc(doc)
	dst, v, n := Load(Param("dst"), GP64()), Load(Param("v"), GP64()), Load(Param("n"), GP64())
	load := setup()
	sign := YMM()
	VPCMPEQD(sign, sign, sign)
	VPSRLD(Imm(1), sign, sign)
	var largest, squares [2]VecVirtual
	for i := range largest {
		largest[i], squares[i] = zeroIntYMM(), zeroIntYMM()
	}
	i := GP64()
	XORQ(i, i)
	Label("next")
	CMPQ(i, n)
	JGE(LabelRef("done"))
	for k := range 2 {
		x, abs := load(Mem{Base: v, Index: i, Scale: 4, Disp: 32 * k}, i, 32*k), YMM()
		VMOVUPS(x, Mem{Base: dst, Index: i, Scale: 4, Disp: 32 * k})
		VANDPS(sign, x, abs)
		VMAXPS(abs, largest[k], largest[k])
		VFMADD231PS(x, x, squares[k])
	}
	ADDQ(U8(16), i)
	JMP(LabelRef("next"))
	Label("done")
	VMAXPS(largest[1], largest[0], largest[0])
	VADDPS(squares[1], squares[0], squares[0])
	storeFolded(largest[0], func(a, b Op) { VMAXPS(a, b, b) }, 0)
	storeFolded(squares[0], func(a, b Op) { VADDPS(a, b, b) }, 1)
	VZEROUPPER()
	RET()
}

// storeFolded folds the eight lanes of v into the function's result.
func storeFolded(v VecVirtual, fold func(a, b Op), result int) {
	low, other := v.AsX(), XMM()
	VEXTRACTF128(Imm(1), v, other)
	fold(other, low)
	VMOVHLPS(low, low, other)
	fold(other, low)
	VMOVSHDUP(low, other)
	fold(other, low)
	ret, err := ReturnIndex(result).Resolve()
	if err != nil {
		panic(err)
	}
	VMOVSS(low, ret.Addr)
}

// emitRoundI8 emits the rounding of 32 floats a turn, then of eight.
func emitRoundI8() {
	TEXT("roundI8AVX2", NOSPLIT, "func(dst *int8, v *float32, n int, by float32) (sum int32)")
	Pragma("noescape")
	Doc("roundI8AVX2 is RoundI8 for n components, a multiple of eight.")
	// Packing works within halves of a register and leaves groups of four in the
	// order 0 2 4 6 1 3 5 7.
	order := GLOBL("packedOrder", RODATA|NOPTR)
	for i, at := range []uint32{0, 4, 1, 5, 2, 6, 3, 7} {
		DATA(4*i, U32(at))
	}
	dst, v, n := Load(Param("dst"), GP64()), Load(Param("v"), GP64()), Load(Param("n"), GP64())
	by, lowest, ones, onesWord, perm := YMM(), YMM(), YMM(), YMM(), YMM()
	VBROADCASTSS(paramMem("by"), by)
	VMOVDQU(order, perm)
	VPCMPEQB(lowest, lowest, lowest)
	VPABSB(lowest, ones) // 1 in every byte
	VPSLLW(Imm(7), lowest, lowest)
	VPACKSSWB(lowest, lowest, lowest) // -128
	VPADDB(ones, lowest, lowest)      // -127
	VPCMPEQW(onesWord, onesWord, onesWord)
	VPSRLW(Imm(15), onesWord, onesWord)
	sum := zeroIntYMM()
	i := GP64()
	XORQ(i, i)
	SUBQ(Imm(24), n)
	Label("next")
	CMPQ(i, n)
	JGE(LabelRef("done"))
	var part [4]VecVirtual
	for k := range part {
		part[k] = YMM()
		VMULPS(Mem{Base: v, Index: i, Scale: 4, Disp: 32 * k}, by, part[k])
		VCVTPS2DQ(part[k], part[k])
	}
	VPACKSSDW(part[1], part[0], part[0])
	VPACKSSDW(part[3], part[2], part[2])
	VPACKSSWB(part[2], part[0], part[0])
	VPERMD(part[0], perm, part[0])
	VPMAXSB(lowest, part[0], part[0])
	VMOVDQU(part[0], Mem{Base: dst, Index: i, Scale: 1})
	pairs := YMM()
	VPMADDUBSW(part[0], ones, pairs)
	VPMADDWD(onesWord, pairs, pairs)
	VPADDD(pairs, sum, sum)
	ADDQ(U8(32), i)
	JMP(LabelRef("next"))
	Label("done")
	ADDQ(Imm(24), n)
	Label("eight")
	CMPQ(i, n)
	JGE(LabelRef("summed"))
	few, high := YMM(), XMM()
	VMULPS(Mem{Base: v, Index: i, Scale: 4}, by, few)
	VCVTPS2DQ(few, few)
	VEXTRACTI128(Imm(1), few, high)
	VPACKSSDW(high, few.AsX(), few.AsX())
	VPACKSSWB(few.AsX(), few.AsX(), few.AsX())
	VPMAXSB(lowest.AsX(), few.AsX(), few.AsX())
	VMOVQ(few.AsX(), Mem{Base: dst, Index: i, Scale: 1})
	VPMOVSXBW(few.AsX(), few.AsX())
	VPMADDWD(onesWord.AsX(), few.AsX(), few.AsX()) // and zeros the upper half
	VPADDD(few, sum, sum)
	ADDQ(U8(8), i)
	JMP(LabelRef("eight"))
	Label("summed")
	ret, err := ReturnIndex(0).Resolve()
	if err != nil {
		panic(err)
	}
	storeI32YMM1(sum, ret.Addr)
	VZEROUPPER()
	RET()
}

// emitWidenU4 emits what makes a row of four-bit codes into a query, a line a turn.
func emitWidenU4() {
	TEXT("widenU4AVX2", NOSPLIT, "func(dst *int8, row *byte, n int) (sum int32)")
	Pragma("noescape")
	Doc("widenU4AVX2 is WidenU4 for a row of n bytes, but returns the sum of the codes.")
	// What is kept of the second half of a line, and of the last line.
	keep := GLOBL("withoutTrailer", RODATA|NOPTR)
	for i := range 8 {
		DATA(8*i, U64(^uint64(0)*uint64(1-i/7)))
	}
	dst, row, n := Load(Param("dst"), GP64()), Load(Param("row"), GP64()), Load(Param("n"), GP64())
	nibble, zero, sum, mask := YMM(), zeroIntYMM(), zeroIntYMM(), YMM()
	VPCMPEQW(nibble, nibble, nibble)
	VPSRLW(Imm(12), nibble, nibble)
	VPACKUSWB(nibble, nibble, nibble)
	VMOVDQU(keep, mask)
	i := GP64()
	XORQ(i, i)
	SUBQ(Imm(lineBytes), n)
	Label("line")
	CMPQ(i, n)
	JL(LabelRef("whole"))
	VMOVDQU(keep.Offset(32), mask)
	Label("whole")
	for half := range 2 {
		low, high := YMM(), YMM()
		VMOVDQU(Mem{Base: row, Index: i, Scale: 1, Disp: 32 * half}, low)
		if half == 1 {
			VPAND(mask, low, low)
		}
		VPSRLW(Imm(4), low, high)
		for k, c := range []VecVirtual{low, high} {
			VPAND(nibble, c, c)
			s := YMM()
			VPSADBW(zero, c, s)
			VPADDD(s, sum, sum)
			VPADDB(c, c, c)
			VPSUBB(nibble, c, c)
			if half == 1 {
				VPAND(mask, c, c)
			}
			VMOVDQU(c, Mem{Base: dst, Index: i, Scale: 2, Disp: 64*k + 32*half})
		}
	}
	ADDQ(Imm(lineBytes), i)
	CMPQ(i, n)
	JLE(LabelRef("line"))
	ret, err := ReturnIndex(0).Resolve()
	if err != nil {
		panic(err)
	}
	storeI32YMM1(sum, ret.Addr)
	VZEROUPPER()
	RET()
}
