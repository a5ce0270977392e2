package simd

import (
	"encoding/binary"
	"fmt"
	"testing"
	"unsafe"
)

// emu is a processor with the memory of one call. Reading or writing a byte that
// no segment holds ends the test.
type emu struct {
	t        testing.TB
	prog     *asmProgram
	gp       [16]uint64
	vec      [32][64]byte
	mask     [8]uint64
	zero, lt bool // flags of the last arithmetic: equal, signed less
	frame    []byte
	segs     []segment
	symbols  map[string]uint64
	in       *asmInst
	steps    int
}

// segment is memory at an address.
type segment struct {
	base uint64
	data []byte
}

func newEmu(t testing.TB, p *asmProgram) *emu {
	m := &emu{t: t, prog: p, symbols: map[string]uint64{}}
	for name, data := range p.data {
		m.symbols[name] = m.place(data)
	}
	return m
}

// place makes data addressable, 1 MiB away from everything else, at an odd
// offset from a cache line.
func (m *emu) place(data []byte) uint64 {
	base := uint64(0x10000000) + 0x4dc
	if n := len(m.segs); n > 0 {
		last := m.segs[n-1]
		base = last.base + uint64(len(last.data))&^63 + 1<<20
	}
	m.segs = append(m.segs, segment{base, data})
	return base
}

// placeSlice is place for the memory of a slice.
func placeSlice[T any](m *emu, s []T) uint64 {
	size := int(unsafe.Sizeof(*new(T)))
	if len(s) == 0 {
		return m.place(nil)
	}
	return m.place(unsafe.Slice((*byte)(unsafe.Pointer(&s[0])), len(s)*size))
}

// call runs a function with eight-byte arguments and returns its frame.
func (m *emu) call(name string, args ...uint64) []byte {
	f := m.prog.funcs[name]
	if f == nil {
		m.t.Fatalf("no function %s", name)
	}
	m.frame = make([]byte, f.frame)
	for i, a := range args {
		binary.LittleEndian.PutUint64(m.frame[8*i:], a)
	}
	for i := range m.vec { // registers hold rubbish on entry
		for j := range m.vec[i] {
			m.vec[i][j] = byte(i*7 + j*13 + 1)
		}
	}
	for pc := 0; pc < len(f.code); m.steps++ {
		m.in = &f.code[pc]
		next, done := m.step(f, pc)
		if done {
			return m.frame
		}
		pc = next
	}
	m.t.Fatalf("%s ran past its end", name)
	return nil
}

func (m *emu) fatal(format string, args ...any) {
	m.t.Helper()
	m.t.Fatalf("%s: %s", m.in.line, fmt.Sprintf(format, args...))
}

// bytes returns n bytes at an address.
func (m *emu) bytes(addr uint64, n int) []byte {
	for _, s := range m.segs {
		if addr >= s.base && addr+uint64(n) <= s.base+uint64(len(s.data)) {
			return s.data[addr-s.base:][:n]
		}
	}
	m.fatal("access of %d bytes at %#x, outside of every buffer", n, addr)
	return nil
}

// address resolves a memory operand.
func (m *emu) address(a *asmArg) uint64 {
	switch a.kind {
	case asmSymbol:
		return m.symbols[a.name] + uint64(a.disp)
	case asmMem:
		at := m.gp[a.reg] + uint64(a.disp)
		if a.index >= 0 {
			at += m.gp[a.index] * uint64(a.scale)
		}
		return at
	}
	m.fatal("operand is not memory")
	return 0
}

// read returns n bytes of any operand.
func (m *emu) read(a *asmArg, n int) []byte {
	switch a.kind {
	case asmVec:
		return m.vec[a.reg][:n]
	case asmFrame:
		return m.frame[a.disp:][:n]
	}
	return m.bytes(m.address(a), n)
}

// value returns an integer operand of n bytes, zero-extended.
func (m *emu) value(a *asmArg, n int) uint64 {
	var v uint64
	switch a.kind {
	case asmGP:
		v = m.gp[a.reg]
	case asmImm:
		v = uint64(a.disp)
	default:
		var word [8]byte
		copy(word[:], m.read(a, n))
		v = binary.LittleEndian.Uint64(word[:])
	}
	if n < 8 {
		v &= 1<<(8*n) - 1
	}
	return v
}

// set writes an integer result of n bytes; a 4-byte write to a register clears
// its upper half.
func (m *emu) set(a *asmArg, n int, v uint64) {
	if a.kind == asmGP {
		if n == 4 {
			v &= 1<<32 - 1
		}
		m.gp[a.reg] = v
		return
	}
	var word [8]byte
	binary.LittleEndian.PutUint64(word[:], v)
	copy(m.read(a, n), word[:n])
}

// setVec writes a vector result and clears the register above it.
func (m *emu) setVec(a *asmArg, data []byte) {
	if a.kind != asmVec {
		copy(m.read(a, len(data)), data)
		return
	}
	var full [64]byte
	copy(full[:], data)
	m.vec[a.reg] = full
}

// step runs the instruction at pc.
func (m *emu) step(f *asmFunc, pc int) (next int, done bool) {
	in := m.in
	jump := func(taken bool) (int, bool) {
		if !taken {
			return pc + 1, false
		}
		to, ok := f.labels[in.args[0].name]
		if !ok {
			m.fatal("no label")
		}
		return to, false
	}
	switch in.op {
	case "RET":
		return 0, true
	case "JMP":
		return jump(true)
	case "JZ":
		return jump(m.zero)
	case "JNZ":
		return jump(!m.zero)
	case "JL":
		return jump(m.lt)
	case "JGE":
		return jump(!m.lt)
	}
	if len(in.args) == 0 && in.op != "VZEROUPPER" {
		m.fatal("unknown instruction")
	}
	if !m.integer(in) && !m.move(in) && !m.float(in) && !m.packed(in) {
		m.fatal("unknown instruction")
	}
	return pc + 1, false
}

// integer runs the general-purpose instructions.
func (m *emu) integer(in *asmInst) bool {
	a := in.args
	var x, y *asmArg
	if len(a) > 0 {
		x, y = &a[0], &a[len(a)-1]
	}
	flags := func(l, r uint64, result uint64) {
		m.zero, m.lt = result == 0, int64(l) < int64(r)
	}
	switch in.op {
	case "MOVQ":
		m.set(y, 8, m.value(x, 8))
	case "MOVL":
		m.set(y, 4, m.value(x, 4))
	case "MOVBLZX":
		m.set(y, 4, m.value(x, 1))
	case "MOVBLSX":
		m.set(y, 4, uint64(int64(int8(m.value(x, 1)))))
	case "MOVWLZX":
		m.set(y, 4, m.value(x, 2))
	case "LEAQ":
		m.set(y, 8, m.address(x))
	case "ADDQ":
		v := m.value(y, 8) + m.value(x, 8)
		flags(v, 0, v)
		m.set(y, 8, v)
	case "SUBQ":
		l, r := m.value(y, 8), m.value(x, 8)
		flags(l, r, l-r)
		m.set(y, 8, l-r)
	case "CMPQ": // Go writes the operands in the order of the comparison
		l, r := m.value(x, 8), m.value(y, 8)
		flags(l, r, l-r)
	case "CMOVQGT":
		if !m.zero && !m.lt {
			m.set(y, 8, m.value(x, 8))
		}
	case "TESTQ":
		v := m.value(x, 8) & m.value(y, 8)
		flags(v, 0, v)
	case "XORQ":
		v := m.value(x, 8) ^ m.value(y, 8)
		flags(v, 0, v)
		m.set(y, 8, v)
	case "ORQ":
		m.set(y, 8, m.value(y, 8)|m.value(x, 8))
	case "SHLQ":
		m.set(y, 8, m.value(y, 8)<<x.disp)
	case "ANDL":
		m.set(y, 4, m.value(x, 4)&m.value(y, 4))
	case "DECQ":
		v := m.value(x, 8) - 1
		flags(v, 0, v)
		m.set(x, 8, v)
	case "INCQ":
		v := m.value(x, 8) + 1
		flags(v, 0, v)
		m.set(x, 8, v)
	case "NEGQ":
		m.set(x, 8, -m.value(x, 8))
	case "IMULQ":
		m.set(y, 8, m.value(x, 8)*m.value(y, 8))
	case "BZHIQ": // Go order: count, source, destination
		v := m.value(&a[1], 8)
		if n := m.value(x, 1); n < 64 {
			v &= 1<<n - 1
		}
		m.set(y, 8, v)
	case "KMOVW":
		m.set(y, 2, m.mask[x.reg])
	case "KMOVQ":
		m.mask[y.reg] = m.value(x, 8)
	case "PREFETCHT0", "VZEROUPPER":
		// A prefetch never faults, whatever its address.
	default:
		return false
	}
	return true
}
