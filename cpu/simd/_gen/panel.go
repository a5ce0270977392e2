package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// panelBytes is a component of a panel: one float32 of every query.
const panelBytes = 128

// emitPanelsAVX512 emits the block products over panels of queries, and the choice
// among what they give. Twelve rows by two vectors of queries are 24 sums, two
// queries, a row's component and a difference: 28 of 32 registers. A step of one
// component loads 14 times for 24 multiplications.
func emitPanelsAVX512() {
	emitPanel("dotPanelF32AVX512", f32AVX512(false), (*panel).rowByRow, 12, 4, 1)
	emitPanel("l2PanelF32AVX512", f32AVX512(true), (*panel).rowByRow, 12, 4, 1)
	emitPanelLess("lessPanelF32AVX512", 64)
}

// emitPanelsAVX2 emits them for sixteen registers. Three rows by four vectors of
// queries are twelve sums, three rows' components and a query, or a difference: a step
// of one component loads seven times, or 15 times, for twelve multiplications. Six rows
// by two vectors load eight times; they, and two rows of differences, were slower.
func emitPanelsAVX2(masks Mem) {
	emitPanel("dotPanelF32AVX2", f32AVX2(false, masks), (*panel).vectorByVector, 3, 1)
	emitPanel("l2PanelF32AVX2", f32AVX2(true, masks), (*panel).vectorsInMemory, 3, 1)
	emitPanelLess("lessPanelF32AVX2", 32)
}

// emitPanel emits func name(panel, n, rows, strideBytes, out, count, add, ahead): n
// components of count rows against all queries of a panel, in groups of as many
// rows as fit, largest first. The lanes are queries, so no sum is taken across
// lanes and rows are read where they are, one component at a time, by step.
func emitPanel(name string, a arith, step panelStep, groups ...int) {
	TEXT(name, NOSPLIT, "func(panel *float32, n int, rows *float32, strideBytes int,"+
		" out *float32, count, add, ahead int)")
	Pragma("noescape")
	Doc(name+" is n > 0 components of all queries of a panel against count rows; row j's",
		"results go to out + 128*j bytes, or are added to what is there if add is not 0.",
		fmt.Sprintf("Beside a group of %d rows %d*n bytes are fetched, ahead bytes from its first.",
			groups[0], 4*groups[0]))
	p := &panel{
		a: a, start: paramMem("panel"), n: paramMem("n"), add: paramMem("add"), ahead: paramMem("ahead"),
		row: Load(Param("rows"), GP64()).(GPVirtual), stride: Load(Param("strideBytes"), GP64()).(GPVirtual),
		out: Load(Param("out"), GP64()).(GPVirtual), count: Load(Param("count"), GP64()).(GPVirtual),
		width: 4 * a.lanes, step: step,
	}
	if groups[0] > 3 {
		p.stride3 = GP64()
		LEAQ(Mem{Base: p.stride, Index: p.stride, Scale: 2}, p.stride3)
	}
	// The groups share their sums: clearing a register counts as reading it, so each
	// is live from the start.
	p.sums = make([][]VecVirtual, groups[0])
	for r := range p.sums {
		p.sums[r] = p.vectors()
	}
	k := &kernel{}
	for _, rows := range groups {
		p.group(k, rows)
	}
	VZEROUPPER()
	RET()
}

// panelStep folds one component of all queries, at query, with that of the rows at at.
type panelStep func(p *panel, query GPVirtual, at []GPVirtual, rows int)

type panel struct {
	a                                arith
	step                             panelStep
	width                            int // bytes of a vector
	start, n, add, ahead             Mem
	row, stride, stride3, out, count GPVirtual
	sums, acc                        [][]VecVirtual // per row: all, and those of the group
}

// vectors returns registers for a value of every query.
func (p *panel) vectors() []VecVirtual {
	out := make([]VecVirtual, panelBytes/p.width)
	for v := range out {
		out[v] = register(p.width)
	}
	return out
}

// register returns a vector register of so many bytes.
func register(width int) VecVirtual {
	if width == 64 {
		return ZMM()
	}
	return YMM()
}

func clearVector(v VecVirtual, width int) {
	if width == 64 {
		VPXORD(v, v, v)
	} else {
		VXORPS(v, v, v)
	}
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
			clearVector(v, p.width)
		}
	}
	p.columns(k, rows)
	CMPQ(p.add, Imm(0))
	JZ(LabelRef(stored))
	p.each(func(acc VecVirtual, at Mem) { VADDPS(at, acc, acc) })
	Label(stored)
	p.each(func(acc VecVirtual, at Mem) { VMOVUPS(acc, at) })
	ADDQ(U32(uint32(panelBytes*rows)), p.out)
	SUBQ(U32(uint32(rows)), p.count)
	JMP(LabelRef(group))
	Label(end)
}

// each visits the sums with their places in out.
func (p *panel) each(f func(acc VecVirtual, at Mem)) {
	for r := range p.acc {
		for v, acc := range p.acc[r] {
			f(acc, Mem{Base: p.out, Disp: panelBytes*r + p.width*v})
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
		if rows >= 4 {
			LEAQ(Mem{Base: p.row, Index: p.stride, Scale: 4}, p.row)
			continue
		}
		for range rows {
			ADDQ(p.stride, p.row)
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
	p.step(p, query, at, rows)
	for _, g := range at {
		ADDQ(Imm(4), g)
	}
	ADDQ(U32(panelBytes), query)
	DECQ(left)
	JNZ(LabelRef(loop))
}

// rowByRow folds one component of every query, kept in registers, with that of each row.
func (p *panel) rowByRow(query GPVirtual, at []GPVirtual, rows int) {
	q := make([]VecVirtual, panelBytes/p.width)
	for v := range q {
		q[v] = p.a.loadQ(Mem{Base: query, Disp: p.width * v})
	}
	for r := range rows {
		x := p.component(at, r)
		for v := range q {
			p.a.foldKeep(p.acc[r][v], q[v], x)
		}
	}
}

// vectorByVector folds one component of each row, kept in registers, with those of
// the queries.
func (p *panel) vectorByVector(query GPVirtual, at []GPVirtual, rows int) {
	x := p.components(at, rows)
	for v := range panelBytes / p.width {
		q := p.a.loadQ(Mem{Base: query, Disp: p.width * v})
		for r := range x {
			p.a.foldKeep(p.acc[r][v], q, x[r])
		}
	}
}

// vectorsInMemory is vectorByVector with queries that are read for every row, where
// their register is needed for a difference.
func (p *panel) vectorsInMemory(query GPVirtual, at []GPVirtual, rows int) {
	x := p.components(at, rows)
	for v := range panelBytes / p.width {
		for r := range x {
			p.a.foldMem(p.acc[r][v], x[r], Mem{Base: query, Disp: p.width * v})
		}
	}
}

// components returns a component of each row.
func (p *panel) components(at []GPVirtual, rows int) []VecVirtual {
	x := make([]VecVirtual, rows)
	for r := range x {
		x[r] = p.component(at, r)
	}
	return x
}

// component returns a component of row r in every lane.
func (p *panel) component(at []GPVirtual, r int) VecVirtual {
	m := Mem{Base: at[r/4]}
	switch r % 4 {
	case 1:
		m.Index, m.Scale = p.stride, 1
	case 2:
		m.Index, m.Scale = p.stride, 2
	case 3:
		m.Index, m.Scale = p.stride3, 1
	}
	x := register(p.width)
	VBROADCASTSS(m, x)
	return x
}

// emitPanelLess emits func name(d, rows, mul, add, limits, mask) with vectors of width
// bytes.
func emitPanelLess(name string, width int) {
	TEXT(name, NOSPLIT, "func(d *float32, rows int, mul, add float32, limits *float32, mask *uint32)")
	Pragma("noescape")
	Doc(name+" sets d = mul*d + add for rows > 0 rows of a panel's results, and",
		"bit i of mask[j] where query i's is below limits[i].")
	mul, add := register(width), register(width)
	VBROADCASTSS(paramMem("mul"), mul)
	VBROADCASTSS(paramMem("add"), add)
	d, rows := Load(Param("d"), GP64()), Load(Param("rows"), GP64())
	from, mask := Load(Param("limits"), GP64()), Load(Param("mask"), GP64())
	limits := make([]VecVirtual, panelBytes/width)
	for v := range limits {
		limits[v] = register(width)
		VMOVUPS(Mem{Base: from, Disp: width * v}, limits[v])
	}
	Label("row")
	bits := GP64()
	for v := range limits {
		x := register(width)
		at := Mem{Base: d, Disp: width * v}
		VMOVUPS(at, x)
		VFMADD213PS(add, mul, x)
		VMOVUPS(x, at)
		panelBelow(x, limits[v], mask, bits, v)
	}
	if width != 64 {
		MOVL(bits.As32(), Mem{Base: mask})
	}
	ADDQ(U32(panelBytes), d)
	ADDQ(Imm(4), mask)
	DECQ(rows)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}

// panelBelow writes which lanes of vector v are below its limits: with AVX-512 to its
// part of mask, else to bits. Less than, ordered, quiet: NaN is not.
func panelBelow(x, limits VecVirtual, mask Register, bits GPVirtual, v int) {
	if x.Size() == 64 {
		below := K()
		VCMPPS(Imm(0x11), limits, x, below)
		KMOVW(below, Mem{Base: mask, Disp: 2 * v})
		return
	}
	below, part := YMM(), GP64()
	VCMPPS(Imm(0x11), limits, x, below)
	VMOVMSKPS(below, part.As32())
	if v == 0 {
		MOVQ(part, bits)
		return
	}
	SHLQ(Imm(uint64(8*v)), part)
	ORQ(part, bits)
}
