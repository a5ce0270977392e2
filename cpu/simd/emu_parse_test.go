package simd

import (
	"encoding/binary"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// The emu_*_test.go files interpret the generated amd64 assembly, so that the
// AVX-512 kernels are checked on machines that cannot run them, and every load
// and store of any kernel against exact bounds. The interpreter itself is
// checked by running the AVX2 kernels in it and on the CPU.

// asmProgram is one parsed assembly file.
type asmProgram struct {
	funcs map[string]*asmFunc
	data  map[string][]byte // symbols of DATA lines
}

type asmFunc struct {
	code   []asmInst
	labels map[string]int
	frame  int // bytes of arguments and results
}

type asmInst struct {
	op   string
	args []asmArg
	line string
}

type asmKind uint8

const (
	asmGP asmKind = iota
	asmVec
	asmMask
	asmImm
	asmMem    // disp(base)(index*scale)
	asmFrame  // name+off(FP)
	asmSymbol // name<>+off(SB)
	asmLabel
)

type asmArg struct {
	kind        asmKind
	reg, index  int // index -1: none
	width       int // bytes of a vector register
	scale, disp int64
	name        string
}

var asmRegisters = map[string]int{
	"AX": 0, "CX": 1, "DX": 2, "BX": 3, "SP": 4, "BP": 5, "SI": 6, "DI": 7, "R8": 8, "R9": 9,
	"R10": 10, "R11": 11, "R12": 12, "R13": 13, "R14": 14, "R15": 15,
}

var (
	asmMemory = regexp.MustCompile(`^(-?\w*)\((\w+)\)(?:\((\w+)\*(\d)\))?$`)
	asmNamed  = regexp.MustCompile(`^(\w+)(?:<>)?\+(\d+)\((FP|SB)\)$`)
	asmData   = regexp.MustCompile(`^DATA (\w+)<>\+(\d+)\(SB\)/(\d), \$(\w+)$`)
	asmText   = regexp.MustCompile(`^TEXT ·(\w+)\(SB\), NOSPLIT, \$\d+-(\d+)$`)
	asmVector = regexp.MustCompile(`^([XYZK])(\d+)$`)
)

// parseAsm reads a generated file and fails t for anything it does not know.
func parseAsm(t testing.TB, file string) *asmProgram {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p := &asmProgram{funcs: map[string]*asmFunc{}, data: map[string][]byte{}}
	var f *asmFunc
	for n, line := range strings.Split(string(text), "\n") {
		line, _, _ = strings.Cut(line, "//")
		line = strings.TrimSpace(line)
		switch {
		case line == "" || strings.HasPrefix(line, "#include") || strings.HasPrefix(line, "GLOBL"):
		case strings.HasPrefix(line, "DATA"):
			p.addData(t, line)
		case strings.HasPrefix(line, "TEXT"):
			m := asmText.FindStringSubmatch(line)
			if m == nil {
				t.Fatalf("%s:%d: %s", file, n+1, line)
			}
			f = &asmFunc{labels: map[string]int{}, frame: atoi(m[2])}
			p.funcs[m[1]] = f
		case strings.HasSuffix(line, ":"):
			f.labels[strings.TrimSuffix(line, ":")] = len(f.code)
		default:
			f.code = append(f.code, parseInst(t, fmt.Sprintf("%s:%d: %s", file, n+1, line), line))
		}
	}
	return p
}

func (p *asmProgram) addData(t testing.TB, line string) {
	m := asmData.FindStringSubmatch(line)
	if m == nil {
		t.Fatal(line)
	}
	v, err := strconv.ParseUint(m[4], 0, 64)
	if err != nil {
		t.Fatal(line, err)
	}
	at, size := atoi(m[2]), atoi(m[3])
	d := p.data[m[1]]
	for len(d) < at+size {
		d = append(d, 0)
	}
	var word [8]byte
	binary.LittleEndian.PutUint64(word[:], v)
	copy(d[at:at+size], word[:size])
	p.data[m[1]] = d
}

func parseInst(t testing.TB, where, line string) asmInst {
	op, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	in := asmInst{op: op, line: where}
	for arg := range strings.SplitSeq(rest, ",") {
		if arg = strings.TrimSpace(arg); arg != "" {
			in.args = append(in.args, parseArg(t, where, arg))
		}
	}
	return in
}

func parseArg(t testing.TB, where, s string) asmArg {
	if r, ok := asmRegisters[s]; ok {
		return asmArg{kind: asmGP, reg: r}
	}
	if m := asmVector.FindStringSubmatch(s); m != nil {
		if m[1] == "K" {
			return asmArg{kind: asmMask, reg: atoi(m[2])}
		}
		return asmArg{kind: asmVec, reg: atoi(m[2]), width: map[string]int{"X": 16, "Y": 32, "Z": 64}[m[1]]}
	}
	if m := asmNamed.FindStringSubmatch(s); m != nil {
		kind := asmFrame
		if m[3] == "SB" {
			kind = asmSymbol
		}
		return asmArg{kind: kind, name: m[1], disp: int64(atoi(m[2]))}
	}
	if m := asmMemory.FindStringSubmatch(s); m != nil {
		a := asmArg{kind: asmMem, reg: asmRegisters[m[2]], index: -1, disp: parseInt(t, where, m[1])}
		if m[3] != "" {
			a.index, a.scale = asmRegisters[m[3]], int64(atoi(m[4]))
		}
		return a
	}
	if strings.HasPrefix(s, "$") {
		return asmArg{kind: asmImm, disp: parseInt(t, where, s[1:])}
	}
	return asmArg{kind: asmLabel, name: s}
}

func parseInt(t testing.TB, where, s string) int64 {
	if s == "" {
		return 0
	}
	v, err := strconv.ParseInt(s, 0, 64)
	if err != nil {
		t.Fatal(where, err)
	}
	return v
}

func atoi(s string) int {
	v, err := strconv.Atoi(s)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return v
}
