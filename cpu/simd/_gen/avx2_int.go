package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

var (
	i8Types   = types{q: "int8", row: "int8", out: "int32"}
	u8i8Types = types{q: "int8", row: "uint8", out: "int32"}
	bitTypes  = types{q: "uint64", row: "uint64", out: "int32"}
)

// Integer folds wait for one addition only, so one accumulator a row is enough.
// Four steps a turn make a cache line of int8.
var (
	intFour = shape{rows: 4, accs: 1, unroll: 4}
	intOne  = shape{rows: 1, accs: 2, unroll: 4}
	bitFour = shape{rows: 4, accs: 1, unroll: 2}
	bitOne  = shape{rows: 1, accs: 2, unroll: 2}
)

func emitI8AVX2() {
	for _, m := range []struct {
		name string
		a    arith
	}{{"dot", i8AVX2(false, true)}, {"l2", i8AVX2(true, true)}} {
		emitPair(m.name+"I8AVX2", m.a, i8Types, intOne)
		emitRows(m.name+"RowsI8AVX2", m.a, i8Types, intFour, intOne)
		emitGather(m.name+"GatherI8AVX2", m.a, i8Types, intFour, intOne)
	}
	emitRows("dotRowsU8I8AVX2", i8AVX2(false, false), u8i8Types, intFour, intOne)
	emitGather("dotGatherU8I8AVX2", i8AVX2(false, false), u8i8Types, intFour, intOne)
}

// i8AVX2 is sixteen bytes a step, widened to 16 bits so that no product and no
// difference saturates: VPMADDUBSW, twice as wide, would.
func i8AVX2(squared, signedRows bool) arith {
	widen := func(m Mem) VecVirtual {
		v := YMM()
		VPMOVSXBW(m, v)
		return v
	}
	a := arith{
		lanes: 16, qBytes: 1, rowBytes: 1,
		zero:    zeroIntYMM,
		loadQ:   widen,
		loadRow: widen,
		add:     func(x, y VecVirtual) { VPADDD(y, x, x) },
		store4:  storeI32YMM4,
		store1:  storeI32YMM1,
		fold: func(acc, q, row VecVirtual) {
			if squared {
				VPSUBW(row, q, row)
				VPMADDWD(row, row, row)
			} else {
				VPMADDWD(q, row, row)
			}
			VPADDD(row, acc, acc)
		},
		loadOneQ: func(m Mem) VecVirtual { return oneByte(m, true) },
	}
	a.loadOneRow = func(m Mem) VecVirtual { return oneByte(m, signedRows) }
	if !signedRows {
		a.loadRow = func(m Mem) VecVirtual {
			v := YMM()
			VPMOVZXBW(m, v)
			return v
		}
	}
	a.tail = tailOneByOne
	return a
}

// oneByte returns a register whose first 16-bit lane holds the byte at m, all
// others zero.
func oneByte(m Mem, signed bool) VecVirtual {
	g, v := GP32(), YMM()
	if signed {
		MOVBLSX(m, g)
		ANDL(U32(0xffff), g)
	} else {
		MOVBLZX(m, g)
	}
	VMOVD(g, v.AsX())
	return v
}

// tailOneByOne folds the last components singly: AVX2 has no masked load of
// anything narrower than 32 bits.
func tailOneByOne(k *kernel, b *block, left GPVirtual) {
	one := k.label("one")
	Label(one)
	q := k.a.loadOneQ(k.qAt(0))
	for r, p := range b.ptr {
		k.a.fold(b.acc[r][0], q, k.a.loadOneRow(k.rowAt(p, 0)))
	}
	ADDQ(U32(uint32(k.a.rowBytes)), k.off)
	DECQ(left)
	JNZ(LabelRef(one))
}

func zeroIntYMM() VecVirtual {
	v := YMM()
	VPXOR(v, v, v)
	return v
}

func storeI32YMM4(v []VecVirtual, out Mem) { VMOVDQU(sumI32YMM4(v), out) }

// sumI32YMM4 returns the sums of four registers in one.
func sumI32YMM4(v []VecVirtual) VecVirtual {
	VPHADDD(v[1], v[0], v[0])
	VPHADDD(v[3], v[2], v[2])
	VPHADDD(v[2], v[0], v[0])
	high := XMM()
	VEXTRACTI128(Imm(1), v[0], high)
	VPADDD(high, v[0].AsX(), high)
	return high
}

func storeI32YMM1(v VecVirtual, out Mem) {
	high := XMM()
	VEXTRACTI128(Imm(1), v, high)
	VPADDD(high, v.AsX(), high)
	VPHADDD(high, high, high)
	VPHADDD(high, high, high)
	sum := GP32() // go vet takes a VMOVD to memory for eight bytes
	VMOVD(high, sum)
	MOVL(sum, out)
}

func emitBitsAVX2() {
	a := bitsAVX2()
	emitPair("hammingAVX2", a, bitTypes, bitOne)
	emitRows("hammingRowsAVX2", a, bitTypes, bitFour, bitOne)
	emitGather("hammingGatherAVX2", a, bitTypes, bitFour, bitOne)
}

// nibbleBits emits the table of how many bits the numbers below sixteen have.
func nibbleBits() Mem {
	table := GLOBL("nibbleBits", RODATA|NOPTR)
	for i := range 32 {
		DATA(i, U8(uint8(i&1+i>>1&1+i>>2&1+i>>3&1)))
	}
	return table
}

// bitsAVX2 is four words a step. Bits are counted by looking nibbles up
// (Mula, Kurz, Lemire: Faster Population Counts Using AVX2 Instructions, 2018).
func bitsAVX2() arith {
	table := nibbleBits()
	var lut, low, zero VecVirtual
	load := func(m Mem) VecVirtual {
		v := YMM()
		VMOVDQU(m, v)
		return v
	}
	one := func(m Mem) VecVirtual {
		v := YMM()
		VMOVQ(m, v.AsX())
		return v
	}
	return arith{
		lanes: 4, qBytes: 8, rowBytes: 8,
		setup: func() {
			lut, low, zero = YMM(), YMM(), zeroIntYMM()
			VMOVDQU(table, lut)
			VPCMPEQB(low, low, low)
			VPSRLW(Imm(12), low, low)
			VPACKUSWB(low, low, low)
		},
		zero: zeroIntYMM, loadQ: load, loadRow: load, loadOneQ: one, loadOneRow: one,
		fold: func(acc, q, row VecVirtual) {
			high := YMM()
			VPXOR(q, row, row)
			VPSRLW(Imm(4), row, high)
			VPAND(low, row, row)
			VPAND(low, high, high)
			VPSHUFB(row, lut, row)
			VPSHUFB(high, lut, high)
			VPADDB(high, row, row)
			VPSADBW(zero, row, row)
			VPADDQ(row, acc, acc)
		},
		add:    func(x, y VecVirtual) { VPADDQ(y, x, x) },
		store4: storeI32YMM4, // every sum fits the low half of its lane
		store1: storeI32YMM1,
		tail:   tailOneByOne,
	}
}
