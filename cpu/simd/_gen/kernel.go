package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// arith is what distinguishes one kind of kernel from another: how components
// are loaded, folded into an accumulator and summed up. Everything else (the
// walk over rows and columns, prefetch, tails) is shared.
type arith struct {
	lanes    int // components per vector step
	qBytes   int // bytes per component of the query
	rowBytes int // bytes per component of a row

	// setup, when not nil, loads constants at the start of a function.
	setup func()
	// zero returns a cleared accumulator.
	zero func() VecVirtual
	// loadQ and loadRow return one step's components.
	loadQ, loadRow func(m Mem) VecVirtual
	// loadOneQ and loadOneRow return one component, the other lanes zero.
	loadOneQ, loadOneRow func(m Mem) VecVirtual
	// fold adds one step's contribution to acc. row may be overwritten.
	fold func(acc, q, row VecVirtual)
	// foldKeep is fold that leaves row as it is.
	foldKeep func(acc, q, row VecVirtual)
	// foldMem, when not nil, is fold with the row still in memory.
	foldMem func(acc, q VecVirtual, row Mem)
	// add sums two accumulators into the first.
	add func(a, b VecVirtual)
	// sum4 returns four accumulators' sums in one register.
	sum4 func(accs []VecVirtual) VecVirtual
	// store4 writes four accumulators' sums to out, store1 one.
	store4 func(accs []VecVirtual, out Mem)
	store1 func(acc VecVirtual, out Mem)
	// tail folds the left (1 to lanes-1) components behind the last whole step.
	tail func(k *kernel, b *block, left GPVirtual)
}

// shape says how a block of rows is computed together.
type shape struct {
	rows   int // rows at once
	accs   int // accumulators per row, enough to hide the latency of fold
	unroll int // steps per turn of the main loop
}

// kernel is one function being emitted.
type kernel struct {
	a      arith
	q, off GPVirtual
	n      Mem // components per row, on the stack
	labels int
}

// block is a group of rows being computed.
type block struct {
	shape
	ptr  []GPVirtual    // start of each row
	next []GPVirtual    // rows to prefetch meanwhile, may be empty
	acc  [][]VecVirtual // per row
}

const lineBytes = 64

func (k *kernel) label(s string) string {
	k.labels++
	return fmt.Sprintf("%s%d", s, k.labels)
}

// rowAt and qAt address the column at k.off plus whole steps.
func (k *kernel) rowAt(p GPVirtual, steps int) Mem {
	return Mem{Base: p, Index: k.off, Scale: 1, Disp: steps * k.a.lanes * k.a.rowBytes}
}

func (k *kernel) qAt(steps int) Mem {
	return Mem{
		Base: k.q, Index: k.off, Scale: uint8(k.a.qBytes / k.a.rowBytes),
		Disp: steps * k.a.lanes * k.a.qBytes,
	}
}

// compute emits the sums of b's rows and leaves them in b.acc[row][0].
func (k *kernel) compute(b *block) {
	b.acc = make([][]VecVirtual, b.rows)
	for r := range b.acc {
		for range b.accs {
			b.acc[r] = append(b.acc[r], k.a.zero())
		}
	}
	done := k.label("sum")
	left := GP64()
	XORQ(k.off, k.off)
	MOVQ(k.n, left)
	k.mainLoop(b, left)
	k.prefetchEnd(b, left)
	TESTQ(left, left)
	JZ(LabelRef(done))
	k.restLoop(b, left)
	JZ(LabelRef(done))
	k.a.tail(k, b, left)
	Label(done)
	for _, accs := range b.acc {
		for n := len(accs); n > 1; n /= 2 {
			for i := range n / 2 {
				k.a.add(accs[i], accs[i+n/2])
			}
		}
	}
}

// mainLoop folds as many whole turns as fit and leaves the rest in left.
func (k *kernel) mainLoop(b *block, left GPVirtual) {
	turn := b.unroll * k.a.lanes
	columns, end := k.label("columns"), k.label("columnsEnd")
	SUBQ(U32(uint32(turn)), left)
	JL(LabelRef(end))
	Label(columns)
	for line := 0; line < turn*k.a.rowBytes; line += lineBytes {
		for _, p := range b.next {
			PREFETCHT0(Mem{Base: p, Index: k.off, Scale: 1, Disp: line})
		}
	}
	for u := range b.unroll {
		k.step(b, u)
	}
	ADDQ(U32(uint32(turn*k.a.rowBytes)), k.off)
	SUBQ(U32(uint32(turn)), left)
	JGE(LabelRef(columns))
	Label(end)
	ADDQ(U32(uint32(turn)), left)
}

// restLoop folds the single steps that are left; ZF is set when none remain.
func (k *kernel) restLoop(b *block, left GPVirtual) {
	steps, end := k.label("steps"), k.label("stepsEnd")
	SUBQ(U32(uint32(k.a.lanes)), left)
	JL(LabelRef(end))
	Label(steps)
	k.step(b, 0)
	ADDQ(U32(uint32(k.a.lanes*k.a.rowBytes)), k.off)
	SUBQ(U32(uint32(k.a.lanes)), left)
	JGE(LabelRef(steps))
	Label(end)
	ADDQ(U32(uint32(k.a.lanes)), left)
}

// prefetchEnd fetches the lines of the next rows that the main loop did not
// reach: its rest, and the line of the last byte when a row straddles lines.
func (k *kernel) prefetchEnd(b *block, left GPVirtual) {
	if len(b.next) == 0 {
		return
	}
	end := GP64()
	LEAQ(Mem{Base: k.off, Index: left, Scale: uint8(k.a.rowBytes)}, end)
	for _, p := range b.next {
		for line := 0; line < b.unroll*k.a.lanes*k.a.rowBytes; line += lineBytes {
			PREFETCHT0(Mem{Base: p, Index: k.off, Scale: 1, Disp: line})
		}
		PREFETCHT0(Mem{Base: p, Index: end, Scale: 1, Disp: -1})
	}
}

// step folds the columns at k.off + u steps into every row of b.
func (k *kernel) step(b *block, u int) {
	q := k.a.loadQ(k.qAt(u))
	for r, p := range b.ptr {
		acc := b.acc[r][u%b.accs]
		if k.a.foldMem != nil {
			k.a.foldMem(acc, q, k.rowAt(p, u))
			continue
		}
		k.a.fold(acc, q, k.a.loadRow(k.rowAt(p, u)))
	}
}

func paramMem(name string) Mem {
	c, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return c.Addr
}
