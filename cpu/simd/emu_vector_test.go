package simd

import (
	"bytes"
	"encoding/binary"
	"math"
)

var little = binary.LittleEndian

func laneF32(b []byte, i int) float32 { return math.Float32frombits(little.Uint32(b[4*i:])) }

func setF32(b []byte, i int, v float32) { little.PutUint32(b[4*i:], math.Float32bits(v)) }

// move runs loads, stores, broadcasts of nothing and conversions.
func (m *emu) move(in *asmInst) bool {
	a := in.args
	x, y := &a[0], &a[len(a)-1]
	switch in.op {
	case "VMOVUPS", "VMOVDQU", "VMOVDQU8":
		n := max(x.width, y.width)
		m.setVec(y, append([]byte(nil), m.read(x, n)...))
	case "VMOVUPS.Z":
		m.setVec(y, m.masked(x, y.width, 4, m.mask[a[1].reg]))
	case "VMOVDQU8.Z":
		m.setVec(y, m.masked(x, y.width, 1, m.mask[a[1].reg]))
	case "VMASKMOVPS": // Go order: memory, mask, destination
		var k uint64
		for i := range y.width / 4 {
			k |= uint64(m.vec[a[1].reg][4*i+3]>>7) << i
		}
		m.setVec(y, m.masked(x, y.width, 4, k))
	case "VMOVSS", "VMOVD":
		if x.kind == asmGP {
			var w [4]byte
			little.PutUint32(w[:], uint32(m.gp[x.reg]))
			m.setVec(y, w[:])
		} else if y.kind == asmGP {
			m.gp[y.reg] = uint64(little.Uint32(m.vec[x.reg][:4]))
		} else {
			m.setVec(y, append([]byte(nil), m.read(x, 4)...))
		}
	case "VMOVQ":
		m.setVec(y, append([]byte(nil), m.read(x, 8)...))
	case "VCVTPH2PS":
		m.setVec(y, widenHalves(m.read(x, y.width/2)))
	case "VCVTPH2PS.Z":
		m.setVec(y, widenHalves(m.masked(x, y.width/2, 2, m.mask[a[1].reg])))
	case "VCVTPS2PH":
		src, out := m.vec[a[1].reg], make([]byte, a[1].width/2)
		for i := range len(out) / 2 {
			little.PutUint16(out[2*i:], f32ToF16(laneF32(src[:], i)))
		}
		m.setVec(y, out)
	case "VPMOVSXBW", "VPMOVZXBW":
		m.setVec(y, widenBytes(m.read(x, y.width/2), in.op == "VPMOVSXBW"))
	case "VPMOVSXBW.Z":
		m.setVec(y, widenBytes(m.masked(x, y.width/2, 1, m.mask[a[1].reg]), true))
	case "VEXTRACTF128", "VEXTRACTI128", "VEXTRACTF32X4":
		m.setVec(y, append([]byte(nil), m.vec[a[1].reg][16*x.disp:][:16]...))
	case "VEXTRACTF64X4", "VEXTRACTI64X4":
		m.setVec(y, append([]byte(nil), m.vec[a[1].reg][32*x.disp:][:32]...))
	case "VBROADCASTSS":
		m.setVec(y, bytes.Repeat(append([]byte(nil), m.read(x, 4)...), y.width/4))
	case "VMOVMSKPS":
		m.gp[y.reg] = 0
		for i := range x.width / 4 {
			m.gp[y.reg] |= uint64(m.vec[x.reg][4*i+3]>>7) << i
		}
	case "VCMPPS": // Go order: predicate, second, first, destination
		if x.disp != 0x11 {
			m.fatal("unknown predicate")
		}
		var bits uint64
		out := make([]byte, a[1].width)
		for i := range a[1].width / 4 {
			if laneF32(m.vec[a[2].reg][:], i) < laneF32(m.vec[a[1].reg][:], i) {
				bits |= 1 << i
				little.PutUint32(out[4*i:], ^uint32(0))
			}
		}
		if y.kind == asmMask {
			m.mask[y.reg] = bits
		} else {
			m.setVec(y, out)
		}
	case "VEXTRACTPS":
		copy(m.read(y, 4), m.vec[a[1].reg][4*x.disp:][:4])
	default:
		return false
	}
	return true
}

// masked loads the elements whose mask bit is set, and only those; the others
// are zero.
func (m *emu) masked(a *asmArg, width, elem int, k uint64) []byte {
	out := make([]byte, width)
	base := m.address(a)
	for i := range width / elem {
		if k>>i&1 != 0 {
			copy(out[i*elem:], m.bytes(base+uint64(i*elem), elem))
		}
	}
	return out
}

func widenHalves(src []byte) []byte {
	out := make([]byte, 2*len(src))
	for i := range len(src) / 2 {
		setF32(out, i, f16ToF32(little.Uint16(src[2*i:])))
	}
	return out
}

func widenBytes(src []byte, signed bool) []byte {
	out := make([]byte, 2*len(src))
	for i, b := range src {
		v := uint16(b)
		if signed {
			v = uint16(int8(b))
		}
		little.PutUint16(out[2*i:], v)
	}
	return out
}

// sources returns the two inputs in Intel's order and the destination.
func (m *emu) sources(in *asmInst) (first, second []byte, dst *asmArg, n int) {
	dst = &in.args[2]
	n = dst.width
	return m.read(&in.args[1], n), m.read(&in.args[0], n), dst, n
}

// float runs arithmetic and shuffles of floats. Float64 holds the product of two
// float32 exactly, so math.FMA and one more rounding are the fused operation
// (but for a double rounding in one of half a billion).
func (m *emu) float(in *asmInst) bool {
	lanes := func(f func(out, a, b []byte, n int)) bool {
		a, b, dst, n := m.sources(in)
		out := make([]byte, n)
		f(out, a, b, n)
		m.setVec(dst, out)
		return true
	}
	each := func(f func(a, b float32) float32) bool {
		return lanes(func(out, a, b []byte, n int) {
			for i := range n / 4 {
				setF32(out, i, f(laneF32(a, i), laneF32(b, i)))
			}
		})
	}
	unpack := func(elem, from int) bool { // interleaves within 16 bytes
		return lanes(func(out, a, b []byte, n int) {
			for l := 0; l < n; l += 16 {
				for i := range 8 / elem {
					copy(out[l+2*i*elem:], a[l+from+i*elem:][:elem])
					copy(out[l+(2*i+1)*elem:], b[l+from+i*elem:][:elem])
				}
			}
		})
	}
	switch in.op {
	case "VADDPS":
		return each(func(a, b float32) float32 { return a + b })
	case "VSUBPS":
		return each(func(a, b float32) float32 { return a - b })
	case "VFMADD231PS":
		acc := m.read(&in.args[2], in.args[2].width)
		i := -1
		return each(func(a, b float32) float32 {
			i++
			return float32(math.FMA(float64(a), float64(b), float64(laneF32(acc, i))))
		})
	case "VFMADD213PS": // destination = first*destination + second
		old := append([]byte(nil), m.read(&in.args[2], in.args[2].width)...)
		i := -1
		return each(func(a, b float32) float32 {
			i++
			return float32(math.FMA(float64(a), float64(laneF32(old, i)), float64(b)))
		})
	case "VHADDPS":
		return lanes(func(out, a, b []byte, n int) {
			for l := 0; l < n/4; l += 4 {
				setF32(out, l, laneF32(a, l)+laneF32(a, l+1))
				setF32(out, l+1, laneF32(a, l+2)+laneF32(a, l+3))
				setF32(out, l+2, laneF32(b, l)+laneF32(b, l+1))
				setF32(out, l+3, laneF32(b, l+2)+laneF32(b, l+3))
			}
		})
	case "VUNPCKLPS":
		return unpack(4, 0)
	case "VUNPCKHPS":
		return unpack(4, 8)
	case "VUNPCKLPD":
		return unpack(8, 0)
	case "VUNPCKHPD":
		return unpack(8, 8)
	}
	return false
}

// packed runs integer arithmetic.
func (m *emu) packed(in *asmInst) bool {
	switch in.op {
	case "VPSRLW": // Go order: count, source, destination
		src, dst := m.read(&in.args[1], in.args[1].width), &in.args[2]
		out := make([]byte, dst.width)
		for i := range dst.width / 2 {
			little.PutUint16(out[2*i:], little.Uint16(src[2*i:])>>in.args[0].disp)
		}
		m.setVec(dst, out)
		return true
	}
	op := packedOps[in.op]
	if op == nil {
		return false
	}
	a, b, dst, n := m.sources(in)
	out := make([]byte, n)
	copy(out, m.read(dst, n)) // accumulating operations read it
	op(out, a, b)
	m.setVec(dst, out)
	return true
}

func i16(b []byte, i int) int32 { return int32(int16(little.Uint16(b[2*i:]))) }
func u32(b []byte, i int) uint32 {
	return little.Uint32(b[4*i:])
}

// packedOps compute out from a and b, Intel's first and second source; out holds
// the old destination.
var packedOps = map[string]func(out, a, b []byte){
	"VPXOR": bitwise(func(x, y byte) byte { return x ^ y }), "VXORPS": bitwise(func(x, y byte) byte { return x ^ y }),
	"VPXORD": bitwise(func(x, y byte) byte { return x ^ y }), "VPAND": bitwise(func(x, y byte) byte { return x & y }),
	"VPADDB": bitwise(func(x, y byte) byte { return x + y }),
	"VPCMPEQB": bitwise(func(x, y byte) byte {
		if x == y {
			return 0xff
		}
		return 0
	}),
	"VPADDD": func(out, a, b []byte) {
		for i := range len(out) / 4 {
			little.PutUint32(out[4*i:], u32(a, i)+u32(b, i))
		}
	},
	"VPADDQ": func(out, a, b []byte) {
		for i := range len(out) / 8 {
			little.PutUint64(out[8*i:], little.Uint64(a[8*i:])+little.Uint64(b[8*i:]))
		}
	},
	"VPSUBW": func(out, a, b []byte) {
		for i := range len(out) / 2 {
			little.PutUint16(out[2*i:], uint16(i16(a, i)-i16(b, i)))
		}
	},
	"VPMADDWD": func(out, a, b []byte) {
		for i := range len(out) / 4 {
			little.PutUint32(out[4*i:], uint32(i16(a, 2*i)*i16(b, 2*i)+i16(a, 2*i+1)*i16(b, 2*i+1)))
		}
	},
	"VPDPWSSD": func(out, a, b []byte) {
		for i := range len(out) / 4 {
			sum := i16(a, 2*i)*i16(b, 2*i) + i16(a, 2*i+1)*i16(b, 2*i+1)
			little.PutUint32(out[4*i:], u32(out, i)+uint32(sum))
		}
	},
	"VPDPBUSD": func(out, a, b []byte) { // a unsigned, b signed
		for i := range len(out) / 4 {
			var sum int32
			for j := 4 * i; j < 4*i+4; j++ {
				sum += int32(a[j]) * int32(int8(b[j]))
			}
			little.PutUint32(out[4*i:], u32(out, i)+uint32(sum))
		}
	},
	"VPHADDD": func(out, a, b []byte) {
		for l := 0; l < len(out)/4; l += 4 {
			little.PutUint32(out[4*l:], u32(a, l)+u32(a, l+1))
			little.PutUint32(out[4*l+4:], u32(a, l+2)+u32(a, l+3))
			little.PutUint32(out[4*l+8:], u32(b, l)+u32(b, l+1))
			little.PutUint32(out[4*l+12:], u32(b, l+2)+u32(b, l+3))
		}
	},
	"VPSHUFB": func(out, a, b []byte) { // a the table, b the selectors
		for i, s := range b {
			out[i] = 0
			if s < 0x80 {
				out[i] = a[i&^15+int(s&15)]
			}
		}
	},
	"VPSADBW": func(out, a, b []byte) {
		for l := 0; l < len(out); l += 8 {
			var sum uint64
			for i := l; i < l+8; i++ {
				sum += uint64(max(a[i], b[i]) - min(a[i], b[i]))
			}
			little.PutUint64(out[l:], sum)
		}
	},
	"VPACKUSWB": func(out, a, b []byte) {
		for l := 0; l < len(out); l += 16 {
			for i := range 8 {
				out[l+i] = uint8(min(255, max(0, i16(a, l/2+i))))
				out[l+8+i] = uint8(min(255, max(0, i16(b, l/2+i))))
			}
		}
	},
}

func bitwise(f func(x, y byte) byte) func(out, a, b []byte) {
	return func(out, a, b []byte) {
		for i := range out {
			out[i] = f(a[i], b[i])
		}
	}
}
