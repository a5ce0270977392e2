package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Predicates of VCMPPS that are false for NaN and raise nothing.
const (
	lessQuiet    = 0x11
	greaterQuiet = 0x1e
)

// keeper holds what the insertion of rows into a list works with.
type keeper struct {
	list, n, first GPVirtual  // the list, how many it holds, the first place that changed
	pair, j        GPVirtual  // row and distance that go in, and where
	d, most        VecVirtual // its distance, and the one below which rows are held at all
}

// emitKeep emits the upkeep of a walk's list. Which rows belong into it is random, and
// so is where: eight distances are compared with the last of the list at once, and
// four places moved at once, so that a wrong guess ends each search instead of
// meeting most of its steps.
func emitKeep() {
	TEXT("keepNearestAVX2", NOSPLIT, "func(list *uint64, n, limit int, ids *uint32, dist *float32, count int, "+
		"stop, than, most float32, links *uint32, stride, lines int) (held, first, used int)")
	Pragma("noescape")
	Doc("keepNearestAVX2 is KeepNearest for a list of n places with room for limit. dist can",
		"be read up to the next multiple of eight.")
	k := &keeper{list: Load(Param("list"), GP64()).(GPVirtual), n: Load(Param("n"), GP64()).(GPVirtual), first: GP64(),
		pair: GP64(), j: GP64(), d: YMM()}
	ids, dist := Load(Param("ids"), GP64()), Load(Param("dist"), GP64())
	count := Load(Param("count"), GP64())
	bound, than, base, bits, i := YMM(), XMM(), GP64(), GP64(), GP64()
	k.most = YMM()
	VBROADCASTSS(paramMem("most"), k.most)
	VMOVSS(paramMem("than"), than)
	MOVQ(paramMem("limit"), k.first)
	XORQ(base, base)
	k.setBound(bound, "First")
	Label("block")
	CMPQ(base, count)
	JGE(LabelRef("done"))
	v := YMM()
	VCMPPS(Imm(greaterQuiet), Mem{Base: dist, Index: base, Scale: 4}, bound, v)
	VMOVMSKPS(v, bits.As32())
	Label("each")
	TESTL(bits.As32(), bits.As32())
	JZ(LabelRef("eight"))
	BSFL(bits.As32(), i.As32())
	ADDQ(base, i)
	CMPQ(i, count)
	JGE(LabelRef("done"))
	LEAL(Mem{Base: bits, Disp: -1}, k.j.As32())
	ANDL(k.j.As32(), bits.As32())
	VBROADCASTSS(Mem{Base: dist, Index: i, Scale: 4}, k.d)
	VUCOMISS(bound.AsX(), k.d.AsX())
	JAE(LabelRef("each")) // the list became fuller meanwhile
	VUCOMISS(paramMem("stop"), k.d.AsX())
	JE(LabelRef("stop"))
	MOVL(Mem{Base: ids, Index: i, Scale: 4}, k.pair.As32())
	k.fetch(than)
	SHLQ(Imm(32), k.pair)
	MOVL(Mem{Base: dist, Index: i, Scale: 4}, k.j.As32())
	ORQ(k.j, k.pair)
	k.insert()
	k.setBound(bound, "Then")
	JMP(LabelRef("each"))
	Label("eight")
	ADDQ(Imm(8), base)
	JMP(LabelRef("block"))
	Label("done")
	MOVQ(count, i)
	Label("stop")
	VZEROUPPER()
	Store(k.n, ReturnIndex(0))
	Store(k.first, ReturnIndex(1))
	Store(i, ReturnIndex(2))
	RET()
}

// setBound sets every lane to the distance below which a row belongs into the list.
func (k *keeper) setBound(bound VecVirtual, when string) {
	full, set := "full"+when, "set"+when
	CMPQ(k.n, paramMem("limit"))
	JGE(LabelRef(full))
	VMOVAPS(k.most, bound)
	JMP(LabelRef(set))
	Label(full)
	VBROADCASTSS(Mem{Base: k.list, Index: k.n, Scale: 8, Disp: -8}, bound)
	VMINPS(k.most, bound, bound)
	Label(set)
}

// fetch fetches the links of the row that goes in if it is nearer than any before.
func (k *keeper) fetch(than VecVirtual) {
	VUCOMISS(than, k.d.AsX())
	JAE(LabelRef("fetched"))
	VMOVAPS(k.d.AsX(), than)
	at, left := GP64(), GP64()
	MOVQ(paramMem("lines"), left)
	TESTQ(left, left)
	JZ(LabelRef("fetched"))
	MOVQ(k.pair, at)
	IMULQ(paramMem("stride"), at)
	ADDQ(paramMem("links"), at)
	fetchLines(at, left)
	Label("fetched")
}

// insert puts the pair behind all that is not farther. Of a full list the last goes.
func (k *keeper) insert() {
	LEAQ(Mem{Base: k.n, Disp: 1}, k.j)
	CMPQ(k.j, paramMem("limit"))
	CMOVQLE(k.j, k.n)
	LEAQ(Mem{Base: k.n, Disp: -1}, k.j)
	four, over, up, moved := YMM(), YMM(), YMM(), GP64()
	Label("four")
	CMPQ(k.j, Imm(4))
	JL(LabelRef("few"))
	VMOVUPS(Mem{Base: k.list, Index: k.j, Scale: 8, Disp: -32}, four)
	VCMPPS(Imm(greaterQuiet), k.d, four, over)
	VMOVSLDUP(over, over) // a place is a distance and a row
	VMOVUPS(four, Mem{Base: k.list, Index: k.j, Scale: 8, Disp: -24})
	VMOVMSKPD(over, moved.As32())
	SUBQ(Imm(4), k.j)
	CMPL(moved.As32(), Imm(15))
	JE(LabelRef("four"))
	VPERMQ(Imm(0x90), four, up)
	VBLENDVPD(over, up, four, four)
	VMOVUPS(four, Mem{Base: k.list, Index: k.j, Scale: 8})
	POPCNTL(moved.As32(), moved.As32())
	ADDQ(Imm(4), k.j)
	SUBQ(moved, k.j)
	JMP(LabelRef("found"))
	Label("few")
	TESTQ(k.j, k.j)
	JZ(LabelRef("found"))
	VMOVSS(Mem{Base: k.list, Index: k.j, Scale: 8, Disp: -8}, over.AsX())
	VUCOMISS(k.d.AsX(), over.AsX())
	JBE(LabelRef("found"))
	MOVQ(Mem{Base: k.list, Index: k.j, Scale: 8, Disp: -8}, moved)
	MOVQ(moved, Mem{Base: k.list, Index: k.j, Scale: 8})
	DECQ(k.j)
	JMP(LabelRef("few"))
	Label("found")
	MOVQ(k.pair, Mem{Base: k.list, Index: k.j, Scale: 8})
	CMPQ(k.j, k.first)
	CMOVQLT(k.j, k.first)
}
