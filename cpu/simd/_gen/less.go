package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// emitLess emits func lessF32AVX2(d, words, mul, add, limit, mask): selection of
// an exact search, 64 distances a turn.
func emitLess() {
	TEXT("lessF32AVX2", NOSPLIT, "func(d *float32, words int, mul, add, limit float32, mask *uint64)")
	Pragma("noescape")
	Doc("lessF32AVX2 sets d = mul*d + add for 64*words floats and bit i of mask where",
		"the result is below limit; words > 0.")
	mul, add, limit := YMM(), YMM(), YMM()
	VBROADCASTSS(paramMem("mul"), mul)
	VBROADCASTSS(paramMem("add"), add)
	VBROADCASTSS(paramMem("limit"), limit)
	d, words, mask := Load(Param("d"), GP64()), Load(Param("words"), GP64()), Load(Param("mask"), GP64())
	Label("word")
	bits := GP64()
	for i := range 8 {
		v, below, part := YMM(), YMM(), GP64()
		VMOVUPS(Mem{Base: d, Disp: 32 * i}, v)
		VFMADD213PS(add, mul, v)
		VMOVUPS(v, Mem{Base: d, Disp: 32 * i})
		VCMPPS(Imm(0x11), limit, v, below) // less than, ordered, quiet: NaN is not
		VMOVMSKPS(below, part.As32())
		if i == 0 {
			MOVQ(part, bits)
			continue
		}
		SHLQ(Imm(uint64(8*i)), part)
		ORQ(part, bits)
	}
	MOVQ(bits, Mem{Base: mask})
	ADDQ(U32(256), d)
	ADDQ(U32(8), mask)
	DECQ(words)
	JNZ(LabelRef("word"))
	VZEROUPPER()
	RET()
}
