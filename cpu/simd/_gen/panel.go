package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// panelVectors is the vectors of 16 queries that a panel of PanelQueries has.
const panelVectors = 2

// emitPanels emits the block products over panels of queries, and the choice
// among what they give. Twelve rows by two vectors of queries are 24 sums, two
// queries, a row's component and a difference: 28 of 32 registers. A step of one
// component loads 14 times for 24 multiplications.
func emitPanels() {
	emitPanel("dotPanelF32AVX512", f32AVX512(false), 12, 4, 1)
	emitPanel("l2PanelF32AVX512", f32AVX512(true), 12, 4, 1)
	emitPanelLess()
}

// emitPanel emits func name(panel, n, rows, strideBytes, out, count, add, ahead): n
// components of count rows against all queries of a panel, in groups of as many
// rows as fit, largest first. The lanes are queries, so no sum is taken across
// lanes and rows are read where they are, one component at a time.
func emitPanel(name string, a arith, groups ...int) {
	TEXT(name, NOSPLIT, "func(panel *float32, n int, rows *float32, strideBytes int,"+
		" out *float32, count, add, ahead int)")
	Pragma("noescape")
	Doc(name+" is n > 0 components of all queries of a panel against count rows; row j's",
		"results go to out + 128*j bytes, or are added to what is there if add is not 0.",
		"Beside a group of twelve rows 48*n bytes are fetched, ahead bytes from its first.")
	p := &panel{
		a: a, start: paramMem("panel"), n: paramMem("n"), add: paramMem("add"), ahead: paramMem("ahead"),
		row: Load(Param("rows"), GP64()).(GPVirtual), stride: Load(Param("strideBytes"), GP64()).(GPVirtual),
		out: Load(Param("out"), GP64()).(GPVirtual), count: Load(Param("count"), GP64()).(GPVirtual),
		stride3: GP64(),
	}
	LEAQ(Mem{Base: p.stride, Index: p.stride, Scale: 2}, p.stride3)
	// The groups share their sums: clearing a register counts as reading it, so each
	// is live from the start.
	p.sums = make([][panelVectors]VecVirtual, groups[0])
	for r := range p.sums {
		for v := range p.sums[r] {
			p.sums[r][v] = ZMM()
		}
	}
	k := &kernel{}
	for _, rows := range groups {
		p.group(k, rows)
	}
	VZEROUPPER()
	RET()
}

type panel struct {
	a                                arith
	start, n, add, ahead             Mem
	row, stride, stride3, out, count GPVirtual
	sums, acc                        [][panelVectors]VecVirtual // per row: all, and those of the group
}

// group emits the loop over groups of that many rows.
func (p *panel) group(k *kernel, rows int) {
	group, end, stored := k.label("group"), k.label("groupEnd"), k.label("store")
	Label(group)
	CMPQ(p.count, U32(uint32(rows)))
	JL(LabelRef(end))
	p.acc = p.sums[:rows]
	for _, acc := range p.acc {
		for _, v := range acc {
			VPXORD(v, v, v)
		}
	}
	p.columns(k, rows)
	CMPQ(p.add, Imm(0))
	JZ(LabelRef(stored))
	p.each(func(acc VecVirtual, at Mem) { VADDPS(at, acc, acc) })
	Label(stored)
	p.each(func(acc VecVirtual, at Mem) { VMOVUPS(acc, at) })
	ADDQ(U32(uint32(lineBytes*panelVectors*rows)), p.out)
	SUBQ(U32(uint32(rows)), p.count)
	JMP(LabelRef(group))
	Label(end)
}

// each visits the sums with their places in out.
func (p *panel) each(f func(acc VecVirtual, at Mem)) {
	for r := range p.acc {
		for v, acc := range p.acc[r] {
			f(acc, Mem{Base: p.out, Disp: lineBytes * (panelVectors*r + v)})
		}
	}
}

// columns folds all components and moves row behind the group. Four rows share a
// pointer: the others are reached by one and three strides.
func (p *panel) columns(k *kernel, rows int) {
	var at []GPVirtual
	for r := 0; r < rows; r += 4 {
		q := GP64()
		MOVQ(p.row, q)
		at = append(at, q)
		if rows < 4 {
			ADDQ(p.stride, p.row)
		} else {
			LEAQ(Mem{Base: p.row, Index: p.stride, Scale: 4}, p.row)
		}
	}
	// What a group of the most rows reads, the next one reads as well: its share of
	// every turn is fetched meanwhile.
	share, next := 4*rows, GP64()
	if rows == len(p.sums) {
		MOVQ(at[0], next)
		ADDQ(p.ahead, next)
	}
	query, left, loop := GP64(), GP64(), k.label("columns")
	MOVQ(p.start, query)
	MOVQ(p.n, left)
	Label(loop)
	if rows == len(p.sums) {
		PREFETCHT0(Mem{Base: next})
		ADDQ(U32(uint32(share)), next)
	}
	var q [panelVectors]VecVirtual
	for v := range q {
		q[v] = p.a.loadQ(Mem{Base: query, Disp: lineBytes * v})
	}
	for r := range rows {
		m := Mem{Base: at[r/4]}
		switch r % 4 {
		case 1:
			m.Index, m.Scale = p.stride, 1
		case 2:
			m.Index, m.Scale = p.stride, 2
		case 3:
			m.Index, m.Scale = p.stride3, 1
		}
		x := ZMM()
		VBROADCASTSS(m, x)
		for v := range q {
			p.a.foldKeep(p.acc[r][v], q[v], x)
		}
	}
	for _, g := range at {
		ADDQ(Imm(4), g)
	}
	ADDQ(U32(lineBytes*panelVectors), query)
	DECQ(left)
	JNZ(LabelRef(loop))
}

// emitPanelLess emits func lessPanelF32AVX512(d, rows, mul, add, limits, mask).
func emitPanelLess() {
	TEXT("lessPanelF32AVX512", NOSPLIT, "func(d *float32, rows int, mul, add float32, limits *float32, mask *uint32)")
	Pragma("noescape")
	Doc("lessPanelF32AVX512 sets d = mul*d + add for rows > 0 rows of a panel's results, and",
		"bit i of mask[j] where query i's is below limits[i].")
	mul, add := ZMM(), ZMM()
	VBROADCASTSS(paramMem("mul"), mul)
	VBROADCASTSS(paramMem("add"), add)
	d, rows := Load(Param("d"), GP64()), Load(Param("rows"), GP64())
	from, mask := Load(Param("limits"), GP64()), Load(Param("mask"), GP64())
	var limits [panelVectors]VecVirtual
	for v := range limits {
		limits[v] = ZMM()
		VMOVUPS(Mem{Base: from, Disp: lineBytes * v}, limits[v])
	}
	Label("row")
	for v := range limits {
		x, below := ZMM(), K()
		at := Mem{Base: d, Disp: lineBytes * v}
		VMOVUPS(at, x)
		VFMADD213PS(add, mul, x)
		VMOVUPS(x, at)
		VCMPPS(Imm(0x11), limits[v], x, below) // less than, ordered, quiet: NaN is not
		KMOVW(below, Mem{Base: mask, Disp: 2 * v})
	}
	ADDQ(U32(lineBytes*panelVectors), d)
	ADDQ(Imm(4), mask)
	DECQ(rows)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}
