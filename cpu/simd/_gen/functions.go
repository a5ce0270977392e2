package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// types are the Go element types of one family of kernels.
type types struct{ q, row, out string }

// begin starts the body of a function.
func begin(a arith) *kernel {
	if a.setup != nil {
		a.setup()
	}
	return &kernel{a: a, off: GP64(), n: paramMem("n")}
}

// emitPair emits func name(a, b *T, n int) R, one pair of vectors.
func emitPair(name string, a arith, t types, s shape) {
	TEXT(name, NOSPLIT, "func(q *"+t.q+", row *"+t.row+", n int) (r "+t.out+")")
	Pragma("noescape")
	Doc(name+" is one pair of vectors of n components; see the function without",
		"the level's name.")
	k := begin(a)
	k.q = Load(Param("q"), GP64()).(GPVirtual)
	b := &block{shape: s, ptr: []GPVirtual{Load(Param("row"), GP64()).(GPVirtual)}}
	k.compute(b)
	ret, err := ReturnIndex(0).Resolve()
	if err != nil {
		panic(err)
	}
	a.store1(b.acc[0][0], ret.Addr)
	VZEROUPPER()
	RET()
}

// emitRows emits func name(q, rows, n, strideBytes, out, count).
func emitRows(name string, a arith, t types, many, one shape) {
	TEXT(name, NOSPLIT, "func(q *"+t.q+", rows *"+t.row+
		", n, strideBytes int, out *"+t.out+", count int)")
	Pragma("noescape")
	Doc(name + " is count rows of n components in sequence, strideBytes apart.")
	k := begin(a)
	k.q = Load(Param("q"), GP64()).(GPVirtual)
	row := Load(Param("rows"), GP64()).(GPVirtual)
	stride := Load(Param("strideBytes"), GP64()).(GPVirtual)
	out := Load(Param("out"), GP64()).(GPVirtual)
	count := Load(Param("count"), GP64()).(GPVirtual)
	eachGroup(k, a, out, count, []shape{many, one}, func(b *block) {
		b.ptr = nil
		for r := range b.rows {
			p := GP64()
			if r == 0 {
				MOVQ(row, p)
			} else {
				LEAQ(Mem{Base: b.ptr[r-1], Index: stride, Scale: 1}, p)
			}
			b.ptr = append(b.ptr, p)
		}
		LEAQ(Mem{Base: b.ptr[b.rows-1], Index: stride, Scale: 1}, row)
	})
	VZEROUPPER()
	RET()
}

// emitGather emits func name(q, rows, n, strideBytes, ids, out, count, ahead).
// While a group of rows is computed, the whole rows that come ahead rows later
// are prefetched, a line of each per turn of the column loop: fetching only the
// first lines of a row leaves the rest to demand misses.
func emitGather(name string, a arith, t types, many, one shape) {
	TEXT(name, NOSPLIT, "func(q *"+t.q+", rows *"+t.row+
		", n, strideBytes int, ids *uint32, out *"+t.out+", count, ahead int)")
	Pragma("noescape")
	Doc(name+" is count rows of n components by number, strideBytes apart. The",
		"numbers are trusted. ahead is how many rows early a row is prefetched, at",
		"least the rows of a group.")
	k := begin(a)
	k.q = Load(Param("q"), GP64()).(GPVirtual)
	g := &gatherer{
		ids: Load(Param("ids"), GP64()).(GPVirtual), base: paramMem("rows"),
		stride: paramMem("strideBytes"), ahead: paramMem("ahead"),
	}
	out := Load(Param("out"), GP64()).(GPVirtual)
	count := Load(Param("count"), GP64()).(GPVirtual)
	g.fetchFirst(k, count, many.rows)
	eachGroup(k, a, out, count, []shape{many, one}, func(b *block) { g.point(b, count) })
	VZEROUPPER()
	RET()
}

// gatherer finds rows by number.
type gatherer struct {
	ids                 GPVirtual
	base, stride, ahead Mem
}

// locate sets p to the row whose number is at id.
func (g *gatherer) locate(p GPVirtual, id Mem) {
	MOVL(id, p.As32())
	IMULQ(g.stride, p)
	ADDQ(g.base, p)
}

// point sets the rows of the group at ids, and those to prefetch.
func (g *gatherer) point(b *block, count GPVirtual) {
	b.ptr, b.next = nil, nil
	for r := range b.rows {
		p := GP64()
		g.locate(p, Mem{Base: g.ids, Disp: 4 * r})
		b.ptr = append(b.ptr, p)
	}
	if b.rows > 1 { // the last few rows were fetched by the groups before
		last := GP64()
		LEAQ(Mem{Base: count, Disp: -1}, last)
		for r := range b.rows {
			p := GP64()
			Comment("the row that comes ahead rows later, or the last one")
			MOVQ(g.ahead, p)
			if r > 0 {
				ADDQ(U32(uint32(r)), p)
			}
			CMPQ(p, last)
			CMOVQGT(last, p)
			g.locate(p, Mem{Base: g.ids, Index: p, Scale: 4})
			b.next = append(b.next, p)
		}
	}
	ADDQ(U32(uint32(4*b.rows)), g.ids)
}

// fetchFirst prefetches the rows from the second group up to ahead: those that
// no group is early enough to fetch.
func (g *gatherer) fetchFirst(k *kernel, count GPVirtual, groupRows int) {
	i, p, end := GP64(), GP64(), GP64()
	Comment("rows that come too early for any group to fetch them")
	MOVL(U32(uint32(groupRows)), i.As32())
	CMPQ(count, U32(uint32(groupRows)))
	JGE(LabelRef("firstCheck"))
	Comment("no group at all: the rows behind the first")
	MOVL(U32(1), i.As32())
	JMP(LabelRef("firstCheck"))
	Label("first")
	g.locate(p, Mem{Base: g.ids, Index: i, Scale: 4})
	MOVQ(k.n, end)
	LEAQ(Mem{Base: p, Index: end, Scale: uint8(k.a.rowBytes)}, end)
	Label("firstLine")
	PREFETCHT0(Mem{Base: p})
	ADDQ(U32(lineBytes), p)
	CMPQ(p, end)
	JL(LabelRef("firstLine"))
	INCQ(i)
	Label("firstCheck")
	CMPQ(i, count)
	JGE(LabelRef("firstEnd"))
	CMPQ(i, g.ahead)
	JL(LabelRef("first"))
	Label("firstEnd")
}

// eachGroup emits, for each shape in turn, a loop over the groups of that many
// rows; point sets the rows of a group. out and count are used up.
func eachGroup(k *kernel, a arith, out, count GPVirtual, shapes []shape, point func(*block)) {
	for _, s := range shapes {
		group, end := k.label("group"), k.label("groupEnd")
		Label(group)
		CMPQ(count, U32(uint32(s.rows)))
		JL(LabelRef(end))
		b := &block{shape: s}
		point(b)
		k.compute(b)
		if s.rows == 1 {
			a.store1(b.acc[0][0], Mem{Base: out})
		} else {
			accs := make([]VecVirtual, s.rows)
			for r := range accs {
				accs[r] = b.acc[r][0]
			}
			for r := 0; r < s.rows; r += 4 {
				a.store4(accs[r:r+4], Mem{Base: out, Disp: 4 * r})
			}
		}
		ADDQ(U32(uint32(4*s.rows)), out)
		SUBQ(U32(uint32(s.rows)), count)
		JMP(LabelRef(group))
		Label(end)
	}
}
