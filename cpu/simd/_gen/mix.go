package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// emitMix emits what turns a vector without a matrix.
func emitMix() {
	emitTakeOff()
	emitMixF32()
}

// emitTakeOff emits the subtraction of multiples of rows, 64 components a turn, then 32 and eight.
func emitTakeOff() {
	TEXT("takeOffF32AVX2", NOSPLIT, "func(dst, v, rows, by *float32, n, count int)")
	Pragma("noescape")
	Doc("takeOffF32AVX2 is TakeOffF32 for n components, a multiple of eight, and count rows.")
	dst, v := Load(Param("dst"), GP64()), Load(Param("v"), GP64())
	rows, by := Load(Param("rows"), GP64()), Load(Param("by"), GP64())
	left, count := Load(Param("n"), GP64()), Load(Param("count"), GP64())
	stride := GP64()
	MOVQ(left, stride)
	SHLQ(Imm(2), stride)
	for _, vectors := range []int{8, 4, 1} {
		chunk, row := fmt.Sprintf("chunk%d", vectors), fmt.Sprintf("row%d", vectors)
		stored, next := fmt.Sprintf("stored%d", vectors), fmt.Sprintf("next%d", vectors)
		Label(chunk)
		CMPQ(left, Imm(uint64(8*vectors)))
		JL(LabelRef(next))
		acc := make([]VecVirtual, vectors)
		for i := range acc {
			acc[i] = YMM()
			VMOVUPS(Mem{Base: v, Disp: 32 * i}, acc[i])
		}
		p, i := GP64(), GP64()
		MOVQ(rows, p)
		XORQ(i, i)
		Label(row)
		CMPQ(i, count)
		JGE(LabelRef(stored))
		x := YMM()
		VBROADCASTSS(Mem{Base: by, Index: i, Scale: 4}, x)
		for k := range acc {
			VFNMADD231PS(Mem{Base: p, Disp: 32 * k}, x, acc[k])
		}
		ADDQ(stride, p)
		INCQ(i)
		JMP(LabelRef(row))
		Label(stored)
		for i := range acc {
			VMOVUPS(acc[i], Mem{Base: dst, Disp: 32 * i})
		}
		step := U32(32 * vectors)
		ADDQ(step, dst)
		ADDQ(step, v)
		ADDQ(step, rows)
		SUBQ(Imm(uint64(8*vectors)), left)
		JMP(LabelRef(chunk))
		Label(next)
	}
	VZEROUPPER()
	RET()
}

// mixer holds what MixF32 works with.
type mixer struct {
	v, factors, n, window GPVirtual
	signs                 [3]Mem // of the transforms within a register
}

func emitMixF32() {
	TEXT("mixF32AVX2", NOSPLIT, "func(v, factors *float32, n, window, half, rounds int) (largest float32)")
	Pragma("noescape")
	Doc("mixF32AVX2 is MixF32 for n components with a window of window.")
	m := &mixer{v: Load(Param("v"), GP64()).(GPVirtual), factors: Load(Param("factors"), GP64()).(GPVirtual),
		n: Load(Param("n"), GP64()).(GPVirtual), window: Load(Param("window"), GP64()).(GPVirtual)}
	signs := GLOBL("walshSigns", RODATA|NOPTR)
	for s := range m.signs {
		m.signs[s] = signs.Offset(32 * s)
		for lane := range 8 {
			sign := float32(1)
			if lane>>s&1 != 0 {
				sign = -1
			}
			DATA(32*s+4*lane, F32(sign))
		}
	}
	round := GP64()
	XORQ(round, round)
	Label("round")
	CMPQ(round, paramMem("rounds"))
	JGE(LabelRef("last"))
	m.multiply("Round", nil)
	m.walsh(round)
	m.halves()
	INCQ(round)
	JMP(LabelRef("round"))
	Label("last")
	abs, largest := YMM(), zeroYMM()
	VPCMPEQD(abs, abs, abs)
	VPSRLD(Imm(1), abs, abs)
	m.multiply("Last", func(x VecVirtual) {
		VANDPS(abs, x, x)
		VMAXPS(x, largest, largest)
	})
	storeFolded(largest, func(a, b Op) { VMAXPS(a, b, b) }, 0)
	VZEROUPPER()
	RET()
}

// multiply emits the product with a row of factors; look, when not nil, sees each result.
func (m *mixer) multiply(when string, look func(x VecVirtual)) {
	i := GP64()
	XORQ(i, i)
	Label("product" + when)
	x := YMM()
	VMOVUPS(Mem{Base: m.factors, Index: i, Scale: 4}, x)
	VMULPS(Mem{Base: m.v, Index: i, Scale: 4}, x, x)
	VMOVUPS(x, Mem{Base: m.v, Index: i, Scale: 4})
	if look != nil {
		look(x)
	}
	ADDQ(Imm(8), i)
	CMPQ(i, m.n)
	JL(LabelRef("product" + when))
	LEAQ(Mem{Base: m.factors, Index: m.n, Scale: 4}, m.factors)
}

// walsh emits the transform of a window: of 32 components in four registers, then over
// two distances at once as long as there are two.
func (m *mixer) walsh(round GPVirtual) {
	base, end := GP64(), GP64()
	MOVQ(m.v, base)
	BTQ(Imm(0), round)
	JCC(LabelRef("windowed"))
	MOVQ(m.n, end)
	SUBQ(m.window, end)
	LEAQ(Mem{Base: base, Index: end, Scale: 4}, base)
	Label("windowed")
	LEAQ(Mem{Base: base, Index: m.window, Scale: 4}, end)
	p := GP64()
	MOVQ(base, p)
	Label("within")
	x := load(func(i int) Mem { return Mem{Base: p, Disp: 32 * i} })
	for i := range x {
		for s, shuffle := range []func(from, to VecVirtual){
			func(from, to VecVirtual) { VPERMILPS(Imm(0xb1), from, to) },
			func(from, to VecVirtual) { VPERMILPS(Imm(0x4e), from, to) },
			func(from, to VecVirtual) { VPERM2F128(Imm(1), from, from, to) },
		} {
			other := YMM()
			shuffle(x[i], other)
			VFMADD132PS(m.signs[s], other, x[i])
		}
	}
	store(fours(x), func(i int) Mem { return Mem{Base: p, Disp: 32 * i} })
	ADDQ(Imm(128), p)
	CMPQ(p, end)
	JL(LabelRef("within"))
	m.across(base, end)
}

// across emits the transforms over distances of 32 components and more.
func (m *mixer) across(base, end Register) {
	// In bytes: the distance, twice and four times that.
	far, p, stop, at2, at3 := GP64(), GP64(), GP64(), GP64(), GP64()
	MOVL(U32(128), far.As32())
	Label("far")
	MOVQ(far, at2)
	ADDQ(far, at2)
	LEAQ(Mem{Base: base, Index: at2, Scale: 1}, stop) // behind one distance's two parts
	CMPQ(stop, end)
	JG(LabelRef("mixed")) // the distance is the window
	JE(LabelRef("two"))
	LEAQ(Mem{Base: at2, Index: far, Scale: 1}, at3)
	MOVQ(base, p)
	Label("four")
	LEAQ(Mem{Base: p, Index: far, Scale: 1}, stop)
	Label("fours")
	at := func(i int) Mem {
		return []Mem{{Base: p}, {Base: p, Index: far, Scale: 1}, {Base: p, Index: at2, Scale: 1},
			{Base: p, Index: at3, Scale: 1}}[i]
	}
	store(fours(load(at)), at)
	ADDQ(Imm(32), p)
	CMPQ(p, stop)
	JL(LabelRef("fours"))
	ADDQ(at3, p)
	CMPQ(p, end)
	JL(LabelRef("four"))
	SHLQ(Imm(2), far)
	JMP(LabelRef("far"))
	Label("two")
	MOVQ(base, p)
	LEAQ(Mem{Base: base, Index: far, Scale: 1}, stop)
	Label("twos")
	addAndTake(Mem{Base: p}, Mem{Base: p, Index: far, Scale: 1})
	ADDQ(Imm(32), p)
	CMPQ(p, stop)
	JL(LabelRef("twos"))
	Label("mixed")
}

// load loads four vectors.
func load(at func(i int) Mem) (x [4]VecVirtual) {
	for i := range x {
		x[i] = YMM()
		VMOVUPS(at(i), x[i])
	}
	return x
}

func store(x [4]VecVirtual, at func(i int) Mem) {
	for i := range x {
		VMOVUPS(x[i], at(i))
	}
}

// fours transforms four vectors among one another.
func fours(x [4]VecVirtual) [4]VecVirtual {
	for _, pair := range [][2]int{{0, 1}, {2, 3}, {0, 2}, {1, 3}} {
		a, b := x[pair[0]], x[pair[1]]
		difference := YMM()
		VSUBPS(b, a, difference)
		VADDPS(b, a, a)
		x[pair[1]] = difference
	}
	return x
}

// halves emits the sums and differences of the first and last components.
func (m *mixer) halves() {
	p, q, stop := GP64(), GP64(), GP64()
	MOVQ(paramMem("half"), stop)
	TESTQ(stop, stop)
	JZ(LabelRef("halved"))
	MOVQ(m.v, p)
	MOVQ(m.n, q)
	SUBQ(stop, q)
	LEAQ(Mem{Base: m.v, Index: q, Scale: 4}, q)
	LEAQ(Mem{Base: m.v, Index: stop, Scale: 4}, stop)
	Label("half")
	addAndTake(Mem{Base: p}, Mem{Base: q})
	ADDQ(Imm(32), p)
	ADDQ(Imm(32), q)
	CMPQ(p, stop)
	JL(LabelRef("half"))
	Label("halved")
}

// addAndTake replaces two vectors by their sum and difference.
func addAndTake(a, b Mem) {
	x, y, sum := YMM(), YMM(), YMM()
	VMOVUPS(a, x)
	VMOVUPS(b, y)
	VADDPS(y, x, sum)
	VSUBPS(y, x, x)
	VMOVUPS(sum, a)
	VMOVUPS(x, b)
}
