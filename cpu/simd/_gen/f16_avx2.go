package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

var (
	f16Types = types{q: "float32", row: "uint16", out: "float32"}
	f16Four  = shape{rows: 4, accs: 2, unroll: 4}
	f16One   = shape{rows: 1, accs: 4, unroll: 4}
)

func emitF16AVX2() {
	for _, m := range []struct {
		name string
		a    arith
	}{{"dot", f16AVX2(false)}, {"l2", f16AVX2(true)}} {
		emitRows(m.name+"RowsF16AVX2", m.a, f16Types, f16Four, f16One)
		emitGather(m.name+"GatherF16AVX2", m.a, f16Types, f16Four, f16One)
	}
	emitWiden()
	emitNarrow()
}

// f16AVX2 is eight half floats a step, against a float32 query.
func f16AVX2(squared bool) arith {
	a := f32AVX2(squared, Mem{})
	a.rowBytes, a.foldMem, a.tail = 2, nil, tailOneByOne
	a.loadRow = func(m Mem) VecVirtual {
		v := YMM()
		VCVTPH2PS(m, v)
		return v
	}
	a.loadOneQ = func(m Mem) VecVirtual {
		v := YMM()
		VMOVSS(m, v.AsX())
		return v
	}
	a.loadOneRow = func(m Mem) VecVirtual {
		g, v := GP32(), YMM()
		MOVWLZX(m, g)
		VMOVD(g, v.AsX())
		VCVTPH2PS(v.AsX(), v.AsX())
		return v
	}
	return a
}

// emitWiden emits the conversion of n half floats, n a multiple of 8.
func emitWiden() {
	TEXT("widenF16AVX2", NOSPLIT, "func(dst *float32, src *uint16, n int)")
	Pragma("noescape")
	Doc("widenF16AVX2 converts n half floats; n is a multiple of 8.")
	convertLoop(func(dst, src GPVirtual) {
		v := YMM()
		VCVTPH2PS(Mem{Base: src}, v)
		VMOVUPS(v, Mem{Base: dst})
		ADDQ(Imm(16), src)
		ADDQ(Imm(32), dst)
	})
}

// emitNarrow emits the opposite, rounding to nearest even.
func emitNarrow() {
	TEXT("narrowF16AVX2", NOSPLIT, "func(dst *uint16, src *float32, n int)")
	Pragma("noescape")
	Doc("narrowF16AVX2 converts n floats, rounding to nearest even; n is a multiple of 8.")
	convertLoop(func(dst, src GPVirtual) {
		v := YMM()
		VMOVUPS(Mem{Base: src}, v)
		VCVTPS2PH(Imm(0), v, Mem{Base: dst})
		ADDQ(Imm(32), src)
		ADDQ(Imm(16), dst)
	})
}

func convertLoop(eight func(dst, src GPVirtual)) {
	dst := Load(Param("dst"), GP64()).(GPVirtual)
	src := Load(Param("src"), GP64()).(GPVirtual)
	n := Load(Param("n"), GP64()).(GPVirtual)
	JMP(LabelRef("check"))
	Label("eight")
	eight(dst, src)
	SUBQ(Imm(8), n)
	Label("check")
	CMPQ(n, Imm(8))
	JGE(LabelRef("eight"))
	VZEROUPPER()
	RET()
}
