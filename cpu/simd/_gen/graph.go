package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// emitGraph emits what a walk over a graph does for each row that it expands.
func emitGraph() {
	emitFresh()
	emitPrefetch()
	emitFetchRows()
	emitScoreU8()
}

// emitFresh emits the marking of a list's rows. It has no branch that depends on
// whether a row was marked: every other one is, at random, and each wrong guess
// would cost as much as the rest of the row.
func emitFresh() {
	TEXT("freshBase", NOSPLIT, "func(list *uint32, n int, marks *uint64, words int, "+
		"ids *uint32, rows *byte, stride, lines int) int")
	Pragma("noescape")
	Doc("freshBase marks the rows of list up to its end mark, writes those that were not",
		"marked to ids, which has room for n+1, prefetches lines cache lines of each in",
		"rows, and returns how many there are.")
	list, n := Load(Param("list"), GP64()), Load(Param("n"), GP64())
	marks, words := Load(Param("marks"), GP64()), Load(Param("words"), GP64())
	ids, rows := Load(Param("ids"), GP64()), Load(Param("rows"), GP64())
	stride, lines := Load(Param("stride"), GP64()), Load(Param("lines"), GP64())
	i, found := GP64(), GP64()
	XORQ(i, i)
	XORQ(found, found)
	Label("next")
	CMPQ(i, n)
	JGE(LabelRef("done"))
	row, at, word, left := GP64(), GP64(), GP64(), GP64()
	MOVL(Mem{Base: list, Index: i, Scale: 4}, row.As32())
	INCQ(i)
	CMPL(row.As32(), I32(-1))
	JE(LabelRef("done"))
	MOVQ(row, at)
	SHRQ(U8(6), at)
	CMPQ(at, words)
	JAE(LabelRef("next"))
	MOVQ(Mem{Base: marks, Index: at, Scale: 8}, word)
	BTSQ(row, word)
	MOVQ(word, Mem{Base: marks, Index: at, Scale: 8})
	MOVL(row.As32(), Mem{Base: ids, Index: found, Scale: 4})
	Comment("one more unless the bit was set")
	SBBQ(I8(-1), found)
	IMULQ(stride, row)
	ADDQ(rows, row)
	MOVQ(lines, left)
	Label("line")
	PREFETCHT0(Mem{Base: row})
	ADDQ(U8(lineBytes), row)
	DECQ(left)
	JG(LabelRef("line"))
	JMP(LabelRef("next"))
	Label("done")
	Store(found, ReturnIndex(0))
	RET()
}

// emitPrefetch emits a prefetch of a few lines.
func emitPrefetch() {
	TEXT("prefetchBase", NOSPLIT, "func(p *byte, lines int)")
	Pragma("noescape")
	Doc("prefetchBase fetches lines cache lines, at least one, from p on.")
	p, left := Load(Param("p"), GP64()), Load(Param("lines"), GP64())
	Label("line")
	PREFETCHT0(Mem{Base: p})
	ADDQ(U8(lineBytes), p)
	DECQ(left)
	JG(LabelRef("line"))
	RET()
}

// emitFetchRows emits a prefetch of rows by number.
func emitFetchRows() {
	TEXT("fetchRowsBase", NOSPLIT, "func(ids *uint32, n int, rows *byte, stride, lines int)")
	Pragma("noescape")
	Doc("fetchRowsBase fetches lines cache lines, at least one, of each of n rows.")
	ids, n := Load(Param("ids"), GP64()), Load(Param("n"), GP64())
	rows := Load(Param("rows"), GP64())
	stride, lines := Load(Param("stride"), GP64()), Load(Param("lines"), GP64())
	row, left := GP64(), GP64()
	Label("row")
	DECQ(n)
	JL(LabelRef("done"))
	MOVL(Mem{Base: ids, Index: n, Scale: 4}, row.As32())
	IMULQ(stride, row)
	ADDQ(rows, row)
	MOVQ(lines, left)
	Label("line")
	PREFETCHT0(Mem{Base: row})
	ADDQ(U8(lineBytes), row)
	DECQ(left)
	JG(LabelRef("line"))
	JMP(LabelRef("row"))
	Label("done")
	RET()
}

// trailerBytes is what the constants of a row take at its end.
const trailerBytes = 8

// emitScoreU8 emits distances by eight-bit codes, four rows at once. Whole lines
// are multiplied, constants and all: the query is zero there.
func emitScoreU8() {
	TEXT("scoreU8AVX512", NOSPLIT, "func(q *int8, rows *byte, stride int, ids *uint32, count int, "+
		"shift int32, scale, bias, offset float32, out *float32)")
	Pragma("noescape")
	Doc("scoreU8AVX512 is ScoreGatherU8 for count rows, at least one, of stride bytes, a",
		"multiple of 64. out has room for count rounded up to four.")
	s := &scorer{
		q: Load(Param("q"), GP64()).(GPVirtual), rows: Load(Param("rows"), GP64()).(GPVirtual),
		stride: Load(Param("stride"), GP64()).(GPVirtual), ids: Load(Param("ids"), GP64()).(GPVirtual),
	}
	count, out := Load(Param("count"), GP64()).(GPVirtual), Load(Param("out"), GP64()).(GPVirtual)
	shift, scale, bias, offset := XMM(), XMM(), XMM(), XMM()
	VMOVD(Load(Param("shift"), GP32()), shift)
	VPBROADCASTD(shift, shift)
	VBROADCASTSS(paramMem("scale"), scale)
	VBROADCASTSS(paramMem("bias"), bias)
	VBROADCASTSS(paramMem("offset"), offset)
	last, first := GP64(), GP64()
	LEAQ(Mem{Base: count, Disp: -1}, last)
	XORQ(first, first)
	Label("group")
	s.point(first, last)
	sums := s.sums()
	VPSUBD(shift, sums, sums)
	VCVTDQ2PS(sums, sums)
	VMULPS(scale, sums, sums)
	b := s.biases()
	VADDPS(b, bias, b)
	VADDPS(offset, b, b)
	VSUBPS(sums, b, b)
	VMOVUPS(b, Mem{Base: out, Index: first, Scale: 4})
	ADDQ(U8(4), first)
	CMPQ(first, last)
	JLE(LabelRef("group"))
	VZEROUPPER()
	RET()
}

// scorer holds where the rows of a group are.
type scorer struct {
	q, rows, stride, ids GPVirtual
	ptr                  [4]GPVirtual
}

// point sets the four rows from first on; behind the last it repeats that one.
func (s *scorer) point(first, last GPVirtual) {
	for r := range s.ptr {
		i, p := GP64(), GP64()
		LEAQ(Mem{Base: first, Disp: r}, i)
		CMPQ(i, last)
		CMOVQGT(last, i)
		MOVL(Mem{Base: s.ids, Index: i, Scale: 4}, p.As32())
		IMULQ(s.stride, p)
		ADDQ(s.rows, p)
		s.ptr[r] = p
	}
}

// sums returns the four products.
func (s *scorer) sums() VecVirtual {
	var acc []VecVirtual
	for range s.ptr {
		acc = append(acc, zeroZMM())
	}
	off := GP64()
	XORQ(off, off)
	Label("column")
	q := ZMM()
	VMOVDQU64(Mem{Base: s.q, Index: off, Scale: 1}, q)
	for r, p := range s.ptr {
		row := ZMM()
		VMOVDQU64(Mem{Base: p, Index: off, Scale: 1}, row)
		VPDPBUSD(q, row, acc[r])
	}
	ADDQ(U8(lineBytes), off)
	CMPQ(off, s.stride)
	JL(LabelRef("column"))
	var half []VecVirtual
	for _, z := range acc {
		half = append(half, halveI32(z))
	}
	return sumI32YMM4(half)
}

// biases returns the constants of the four rows.
func (s *scorer) biases() VecVirtual {
	b := XMM()
	for r, p := range s.ptr {
		at := Mem{Base: p, Index: s.stride, Scale: 1, Disp: -trailerBytes}
		if r == 0 {
			VMOVSS(at, b)
		} else {
			VINSERTPS(U8(r<<4), at, b, b)
		}
	}
	return b
}
