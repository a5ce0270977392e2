package rowio

import (
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/vectorizer-go/vectorizer/engine/errs"
)

// place is where in which file something is wrong.
type place struct {
	file string
	row  int64 // from 0; -1 = the header
}

// bad is a refusal of field at p.
func (p place) bad(field, expected string, given any) *errs.Error {
	e := errs.New(errs.Validation, "%s: %s: %s: expected %s, got %v",
		p.file, p.where(), field, expected, given).
		With("file", p.file).With("field", field).
		With("expected", expected).With("given", fmt.Sprint(given))
	if p.row >= 0 {
		e = e.With("row", p.row)
	}
	return e
}

// broken says that reading failed at p: a truncated file, a bad checksum of the
// compression, or a disk error.
func (p place) broken(err error) *errs.Error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return p.bad("data", "more bytes", "the end of the file")
	}
	return p.bad("data", "more bytes", "an error").Wrap(err)
}

func (p place) where() string {
	if p.row < 0 {
		return "header"
	}
	return fmt.Sprintf("row %d", p.row)
}

// checkFinite refuses NaN and infinities.
func (p place) checkFinite(vec []float32) error {
	for i, v := range vec {
		if v-v != 0 { // only NaN and the infinities
			return p.bad(fmt.Sprintf("vector[%d]", i), "a finite float32", v)
		}
	}
	return nil
}

// checkDim refuses a dimension that no collection can have.
func (p place) checkDim(dim int64) error {
	if dim < 1 || dim > maxDim {
		return p.bad("dimension", fmt.Sprintf("1 to %d", maxDim), dim)
	}
	return nil
}

// halfToFloat converts IEEE 754 binary16 bits.
func halfToFloat(h uint16) float32 {
	sign := uint32(h>>15) << 31
	exp := uint32(h>>10) & 31
	frac := uint32(h) & 1023
	switch exp {
	case 0: // zero and denormals: frac × 2^-24
		v := float32(frac) * (1.0 / (1 << 24))
		return math.Float32frombits(math.Float32bits(v) | sign)
	case 31:
		return math.Float32frombits(sign | 0xff<<23 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}
