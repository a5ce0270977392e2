package rowio

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// npyMagic starts every npy file (NumPy Enhancement Proposal 1).
const npyMagic = "\x93NUMPY"

// npy reads a two-dimensional NumPy array in C order: rows × components.
type npy struct {
	source
	rows int64
	elem string // f4, f8, f2, u1, i1
	big  bool   // big-endian
	raw  []byte
	vec  []float32
}

func newNPY(s *source) (*npy, error) {
	r := &npy{source: *s}
	header, err := r.readHeader()
	if err != nil {
		return nil, err
	}
	dim, err := r.parseHeader(header)
	if err != nil {
		return nil, err
	}
	width := int(r.elem[1] - '0')
	r.raw = make([]byte, int(dim)*width)
	r.vec = make([]float32, dim)
	r.row = 0
	return r, nil
}

// readHeader returns the text of the header dictionary.
func (r *npy) readHeader() (string, error) {
	var fixed [12]byte
	if _, err := io.ReadFull(r.buf, fixed[:8]); err != nil {
		return "", r.broken(err)
	}
	if string(fixed[:6]) != npyMagic {
		return "", r.bad("magic", `"\x93NUMPY"`, strconv.Quote(string(fixed[:6])))
	}
	lenBytes := 4
	switch version := fixed[6]; version {
	case 1:
		lenBytes = 2
	case 2, 3:
	default:
		return "", r.bad("version", "1, 2 or 3", version)
	}
	if _, err := io.ReadFull(r.buf, fixed[8:8+lenBytes]); err != nil {
		return "", r.broken(err)
	}
	n := binary.LittleEndian.Uint32(fixed[8:]) // the upper half is zero in version 1
	const maxHeader = 64 << 10
	if n > maxHeader {
		return "", r.bad("header length", fmt.Sprintf("at most %d bytes", maxHeader), n)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r.buf, text); err != nil {
		return "", r.broken(err)
	}
	return string(text), nil
}

var (
	npyDescr = regexp.MustCompile(`['"]descr['"]\s*:\s*['"]([^'"]*)['"]`)
	npyOrder = regexp.MustCompile(`['"]fortran_order['"]\s*:\s*(True|False)`)
	npyShape = regexp.MustCompile(`['"]shape['"]\s*:\s*\(([^)]*)\)`)
)

// parseHeader sets the element type and the number of rows and returns the
// number of components.
func (r *npy) parseHeader(h string) (dim int64, err error) {
	descr := npyDescr.FindStringSubmatch(h)
	order := npyOrder.FindStringSubmatch(h)
	shape := npyShape.FindStringSubmatch(h)
	if descr == nil || order == nil || shape == nil {
		return 0, r.bad("header", "a dictionary with descr, fortran_order and shape",
			strconv.Quote(strings.TrimSpace(h)))
	}
	if err := r.parseDescr(descr[1]); err != nil {
		return 0, err
	}
	if order[1] == "True" {
		return 0, r.bad("fortran_order", "False (rows one after another)", "True")
	}
	parts := strings.Split(strings.TrimSuffix(strings.ReplaceAll(shape[1], " ", ""), ","), ",")
	if len(parts) != 2 {
		return 0, r.bad("shape", "(rows, components)", "("+shape[1]+")")
	}
	rows, err1 := strconv.ParseInt(parts[0], 10, 64)
	dim, err2 := strconv.ParseInt(parts[1], 10, 64)
	if err1 != nil || err2 != nil || rows < 0 {
		return 0, r.bad("shape", "(rows, components)", "("+shape[1]+")")
	}
	r.rows = rows
	return dim, r.checkDim(dim)
}

func (r *npy) parseDescr(d string) error {
	order, elem := byte('|'), d
	if len(d) == 3 {
		order, elem = d[0], d[1:]
	}
	switch elem {
	case "f2", "f4", "f8", "u1", "i1":
	default:
		return r.bad("descr", "f4, f8, f2, u1 or i1", strconv.Quote(d))
	}
	if !strings.ContainsRune("<>=|", rune(order)) {
		return r.bad("descr", "a byte order of <, >, = or |", strconv.Quote(d))
	}
	r.elem, r.big = elem, order == '>'
	return nil
}

// Dim implements Reader.
func (r *npy) Dim() int { return len(r.vec) }

// Next implements Reader.
func (r *npy) Next(row *Row) error {
	if r.failed != nil {
		return r.failed
	}
	if r.row == r.rows {
		if _, err := r.buf.Peek(1); err != io.EOF {
			return r.fail(r.bad("data", "the end of the file", "more bytes"))
		}
		return r.fail(io.EOF)
	}
	if _, err := io.ReadFull(r.buf, r.raw); err != nil {
		return r.fail(r.broken(err))
	}
	r.decode()
	if err := r.checkFinite(r.vec); err != nil {
		return r.fail(err)
	}
	r.row++
	*row = Row{Vector: r.vec}
	return nil
}

func (r *npy) decode() {
	var order binary.ByteOrder = binary.LittleEndian
	if r.big {
		order = binary.BigEndian
	}
	switch r.elem {
	case "f4":
		for i := range r.vec {
			r.vec[i] = math.Float32frombits(order.Uint32(r.raw[4*i:]))
		}
	case "f8":
		for i := range r.vec {
			r.vec[i] = float32(math.Float64frombits(order.Uint64(r.raw[8*i:])))
		}
	case "f2":
		for i := range r.vec {
			r.vec[i] = halfToFloat(order.Uint16(r.raw[2*i:]))
		}
	case "u1":
		for i := range r.vec {
			r.vec[i] = float32(r.raw[i])
		}
	case "i1":
		for i := range r.vec {
			r.vec[i] = float32(int8(r.raw[i]))
		}
	}
}
