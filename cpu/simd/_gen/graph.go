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
	emitKeep()
	emitScores()
	emitPrepare()
	emitMix()
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
	// each emits the loop, with the fetching of a row that starts at p.
	each := func(name string, fetch func(p Register)) {
		row, at, word := GP64(), GP64(), GP64()
		Label(name)
		CMPQ(i, n)
		JGE(LabelRef("done"))
		MOVL(Mem{Base: list, Index: i, Scale: 4}, row.As32())
		INCQ(i)
		CMPL(row.As32(), I32(-1))
		JE(LabelRef("done"))
		MOVQ(row, at)
		SHRQ(U8(6), at)
		CMPQ(at, words)
		JAE(LabelRef(name))
		MOVQ(Mem{Base: marks, Index: at, Scale: 8}, word)
		BTSQ(row, word)
		MOVQ(word, Mem{Base: marks, Index: at, Scale: 8})
		MOVL(row.As32(), Mem{Base: ids, Index: found, Scale: 4})
		Comment("one more unless the bit was set")
		SBBQ(I8(-1), found)
		IMULQ(stride, row)
		ADDQ(rows, row)
		fetch(row)
		JMP(LabelRef(name))
	}
	CMPQ(lines, Imm(2))
	JE(LabelRef("two"))
	each("next", func(p Register) {
		left := GP64()
		MOVQ(lines, left)
		fetchLines(p, left)
	})
	each("two", func(p Register) {
		PREFETCHT0(Mem{Base: p})
		PREFETCHT0(Mem{Base: p, Disp: lineBytes})
	})
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
	fetchLines(p, left)
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
	fetchLines(row, left)
	JMP(LabelRef("row"))
	Label("done")
	RET()
}

// fetchLines emits a prefetch of left lines, at least one, from p on. Both are used up.
func fetchLines(p, left Register) {
	Label("line")
	PREFETCHT0(Mem{Base: p})
	ADDQ(U8(lineBytes), p)
	DECQ(left)
	JG(LabelRef("line"))
}
