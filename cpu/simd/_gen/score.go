package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// trailerBytes is what the constants of a row take at its end.
const trailerBytes = 8

// emitScores emits distances by codes, four rows at once. Whole lines are
// multiplied, constants and all: the query is zero there.
func emitScores() {
	emitScore("scoreU8AVX512", "ScoreGatherU8", (*scorer).sumsU8, nil, nil)
	emitScore("scoreU4AVX512", "ScoreGatherU4", (*scorer).sumsU4AVX512, nibbles512, (*scorer).perRow)
	emitScore("scoreU4AVX2", "ScoreGatherU4", (*scorer).sumsU4AVX2, nibbles256, (*scorer).perRow)
	emitScore("scoreU1AVX512", "ScoreGatherU1", (*scorer).sumsU1AVX512, nil, (*scorer).perRow)
	emitScore("scoreU1AVX2", "ScoreGatherU1", (*scorer).sumsU1AVX2, counts256, (*scorer).perRow)
}

// emitScore emits one of them. setup loads constants; perRow, when not nil, changes
// the four products and the scale to those that every row scales for itself.
func emitScore(name, of string, sumsOf func(*scorer) VecVirtual, setup func(*scorer),
	perRow func(s *scorer, sums, scale VecVirtual) VecVirtual) {
	TEXT(name, NOSPLIT, "func(q *int8, rows *byte, stride int, ids *uint32, count int, "+
		"shift int32, scale, bias, offset float32, out *float32)")
	Pragma("noescape")
	Doc(name+" is "+of+" for count rows, at least one, of stride bytes, a",
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
	if setup != nil {
		setup(s)
	}
	last, first := GP64(), GP64()
	LEAQ(Mem{Base: count, Disp: -1}, last)
	XORQ(first, first)
	Label("group")
	s.point(first, last)
	sums, by := sumsOf(s), VecVirtual(scale)
	if perRow != nil {
		by = perRow(s, sums, scale)
	}
	VPSUBD(shift, sums, sums)
	VCVTDQ2PS(sums, sums)
	VMULPS(by, sums, sums)
	b := s.constants(-trailerBytes)
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
	low, ones            VecVirtual // four bits of every byte; 16-bit ones, or 8-bit ones
	lut                  VecVirtual // bits of a nibble
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

// columns emits the loop over the lines of the rows.
func (s *scorer) columns(line func(off GPVirtual)) {
	off := GP64()
	XORQ(off, off)
	Label("column")
	line(off)
	ADDQ(U8(lineBytes), off)
	CMPQ(off, s.stride)
	JL(LabelRef("column"))
}

// sumsU8 returns the four products of eight-bit codes.
func (s *scorer) sumsU8() VecVirtual {
	acc := s.zeros(zeroZMM)
	s.columns(func(off GPVirtual) {
		q := ZMM()
		VMOVDQU64(Mem{Base: s.q, Index: off, Scale: 1}, q)
		for r, p := range s.ptr {
			row := ZMM()
			VMOVDQU64(Mem{Base: p, Index: off, Scale: 1}, row)
			VPDPBUSD(q, row, acc[r])
		}
	})
	return sum512(acc)
}

func (s *scorer) zeros(zero func() VecVirtual) (acc []VecVirtual) {
	for range s.ptr {
		acc = append(acc, zero())
	}
	return acc
}

func sum512(acc []VecVirtual) VecVirtual {
	var half []VecVirtual
	for _, z := range acc {
		half = append(half, halveI32(z))
	}
	return sumI32YMM4(half)
}

// nibbles512 and nibbles256 load the constants of the four-bit kernels.
func nibbles512(s *scorer) {
	g := GP32()
	MOVL(U32(0x0f0f0f0f), g)
	s.low = ZMM()
	VPBROADCASTD(g, s.low)
}

func nibbles256(s *scorer) {
	s.low, s.ones = YMM(), YMM()
	VPCMPEQW(s.ones, s.ones, s.ones)
	VPSRLW(Imm(12), s.ones, s.low)
	VPACKUSWB(s.low, s.low, s.low)
	VPSRLW(Imm(15), s.ones, s.ones)
}

// sumsU4AVX512 returns the four products of four-bit codes: the query has a line
// for the low halves of a line of codes, then one for the high ones.
func (s *scorer) sumsU4AVX512() VecVirtual {
	acc := s.zeros(zeroZMM)
	s.columns(func(off GPVirtual) {
		q := []VecVirtual{ZMM(), ZMM()}
		for i := range q {
			VMOVDQU64(Mem{Base: s.q, Index: off, Scale: 2, Disp: lineBytes * i}, q[i])
		}
		for r, p := range s.ptr {
			row, high := ZMM(), ZMM()
			VMOVDQU64(Mem{Base: p, Index: off, Scale: 1}, row)
			VPSRLW(Imm(4), row, high)
			VPANDD(s.low, row, row)
			VPANDD(s.low, high, high)
			VPDPBUSD(q[0], row, acc[r])
			VPDPBUSD(q[1], high, acc[r])
		}
	})
	return sum512(acc)
}

// sumsU4AVX2 is the same in halves of lines. Products of four bits and eight add up
// in 16 bits, which those of eight and eight would not.
func (s *scorer) sumsU4AVX2() VecVirtual {
	acc := s.zeros(zeroIntYMM)
	s.columns(func(off GPVirtual) {
		var q [2][2]Op
		for half := range q {
			for i := range q[half] {
				q[half][i] = Mem{Base: s.q, Index: off, Scale: 2, Disp: lineBytes*i + lineBytes/2*half}
				if half == 0 { // there are not enough registers for both halves
					first := YMM()
					VMOVDQU(q[half][i], first)
					q[half][i] = first
				}
			}
		}
		for r, p := range s.ptr {
			var sum VecVirtual
			for half := range q {
				row, high := YMM(), YMM()
				VMOVDQU(Mem{Base: p, Index: off, Scale: 1, Disp: lineBytes / 2 * half}, row)
				VPSRLW(Imm(4), row, high)
				VPAND(s.low, row, row)
				VPAND(s.low, high, high)
				VPMADDUBSW(q[half][0], row, row)
				VPMADDUBSW(q[half][1], high, high)
				VPADDW(high, row, row)
				if half == 0 {
					sum = row
				} else {
					VPADDW(row, sum, sum) // eight products of 15 by 127 at most
				}
			}
			VPMADDWD(s.ones, sum, sum)
			VPADDD(sum, acc[r], acc[r])
		}
	})
	return sumI32YMM4(acc)
}

// perRow doubles the products and returns the scale times each row's own.
func (s *scorer) perRow(sums, scale VecVirtual) VecVirtual {
	VPADDD(sums, sums, sums)
	by := s.constants(-trailerBytes + 4)
	VMULPS(scale, by, by)
	return by
}

// constants returns the float32 at disp from the end of each of the four rows.
func (s *scorer) constants(disp int) VecVirtual {
	b := XMM()
	for r, p := range s.ptr {
		at := Mem{Base: p, Index: s.stride, Scale: 1, Disp: disp}
		if r == 0 {
			VMOVSS(at, b)
		} else {
			VINSERTPS(U8(r<<4), at, b, b)
		}
	}
	return b
}
