package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// The query of one-bit codes has four lines for a line of codes, one for each of its
// bits, which count 1, 2, 4 and -8.
const queryPlanes = 4

func (s *scorer) plane(off GPVirtual, bit, disp int) Mem {
	return Mem{Base: s.q, Index: off, Scale: queryPlanes, Disp: lineBytes*bit + disp}
}

// weigh emits the weighted sum of count(0) to count(3) in the lanes of what count
// returns.
func weigh(count func(bit int) VecVirtual, add, sub func(a, b, to Op)) VecVirtual {
	sum := count(3)
	for bit := 2; bit >= 0; bit-- {
		part := count(bit)
		add(sum, sum, sum)
		if bit == 2 {
			sub(sum, part, sum)
		} else {
			add(part, sum, sum)
		}
	}
	return sum
}

// sumsU1AVX512 returns the four products of one-bit codes. It counts in lanes of 32
// bits, so that negative sums add up.
func (s *scorer) sumsU1AVX512() VecVirtual {
	acc := s.zeros(zeroZMM)
	s.columns(func(off GPVirtual) {
		var q [queryPlanes]VecVirtual
		for bit := range q {
			q[bit] = ZMM()
			VMOVDQU64(s.plane(off, bit, 0), q[bit])
		}
		for r, p := range s.ptr {
			row := ZMM()
			VMOVDQU64(Mem{Base: p, Index: off, Scale: 1}, row)
			sum := weigh(func(bit int) VecVirtual {
				part := ZMM()
				VPANDD(q[bit], row, part)
				VPOPCNTD(part, part)
				return part
			}, func(a, b, to Op) { VPADDD(a, b, to) }, func(a, b, to Op) { VPSUBD(a, b, to) })
			VPADDD(sum, acc[r], acc[r])
		}
	})
	return sum512(acc)
}

// counts256 loads the constants of the AVX2 kernel.
func counts256(s *scorer) {
	s.lut, s.low, s.ones = YMM(), YMM(), YMM()
	VMOVDQU(nibbleBits(), s.lut)
	VPCMPEQB(s.low, s.low, s.low)
	VPABSB(s.low, s.ones) // 1 in every byte
	VPSRLW(Imm(12), s.low, s.low)
	VPACKUSWB(s.low, s.low, s.low)
}

// sumsU1AVX2 is the same in halves of lines, with the count of bitsAVX2. The weighted
// sum of a byte's counts lies between -64 and 56.
func (s *scorer) sumsU1AVX2() VecVirtual {
	acc := s.zeros(zeroIntYMM)
	s.columns(func(off GPVirtual) {
		for half := range 2 {
			disp := lineBytes / 2 * half
			for r, p := range s.ptr {
				row := YMM()
				VMOVDQU(Mem{Base: p, Index: off, Scale: 1, Disp: disp}, row)
				sum := weigh(func(bit int) VecVirtual {
					part, high := YMM(), YMM()
					VPAND(s.plane(off, bit, disp), row, part)
					VPSRLW(Imm(4), part, high)
					VPAND(s.low, part, part)
					VPAND(s.low, high, high)
					VPSHUFB(part, s.lut, part)
					VPSHUFB(high, s.lut, high)
					VPADDB(high, part, part)
					return part
				}, func(a, b, to Op) { VPADDB(a, b, to) }, func(a, b, to Op) { VPSUBB(a, b, to) })
				VPMADDUBSW(sum, s.ones, sum)
				words := YMM()
				VPSRLW(Imm(8), s.ones, words) // 1 in every 16 bits
				VPMADDWD(words, sum, sum)
				VPADDD(sum, acc[r], acc[r])
			}
		}
	})
	return sumI32YMM4(acc)
}
