package codes

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// The versions of what Append writes: of a model with a fold, and of others, which
// programs read that know no folds.
const (
	foldVersion  = 3
	modelVersion = 2
)

// What turns vectors, in a head.
const (
	byNothing = iota
	byMatrix
	byFold
)

// MaxModelBytes bounds what Append writes.
const MaxModelBytes = headBytes + 4*compute.MaxDim + maxProjectDim*(maxProjectDim+8*lineBytes)

// ErrModel says that bytes are no model, or one of another version.
var ErrModel = errors.New("codes: not a model that this program reads")

// head is the start of a model in bytes, the fixed part of it.
type head struct {
	Version, Kind, Metric, Dim, Kept, Stride, Depth, Rows, Projected uint32
	Step, Offset, Strain, ProjStep                                   float32
}

const headBytes = 13 * 4

// Append appends the model in the machine's byte order: its head, the mean, the
// matrix or the fold if there is one.
func (m *Model) Append(b []byte) []byte {
	h := head{Version: modelVersion, Kind: uint32(m.kind), Metric: uint32(m.metric), Dim: uint32(m.dim),
		Kept: uint32(m.kept), Stride: uint32(m.stride), Depth: uint32(m.depth), Rows: uint32(m.rows),
		Step: m.step, Offset: m.offset, Strain: m.strain, ProjStep: m.projStep}
	parts := []any{&h, m.mean}
	switch {
	case m.proj != nil:
		h.Projected = byMatrix
		parts = append(parts, m.proj)
	case m.fold != nil:
		h.Version, h.Projected = foldVersion, byFold
		parts = append(parts, m.fold.ask, m.fold.take)
	}
	for _, part := range parts {
		var err error
		if b, err = binary.Append(b, binary.NativeEndian, part); err != nil {
			panic("BUG: codes: " + err.Error()) // only types without a size fail
		}
	}
	return b
}

// Parse reads what Append wrote.
// Errors: ErrModel.
func Parse(b []byte) (*Model, error) {
	var h head
	n, err := binary.Decode(b, binary.NativeEndian, &h)
	if err != nil {
		return nil, fmt.Errorf("%w: %d bytes", ErrModel, len(b))
	}
	b = b[n:]
	if err := h.check(len(b)); err != nil {
		return nil, err
	}
	m := &Model{kind: Kind(h.Kind), metric: compute.Metric(h.Metric), dim: int(h.Dim), kept: int(h.Kept),
		stride: int(h.Stride), depth: int(h.Depth), rows: int(h.Rows), step: h.Step, offset: h.Offset, strain: h.Strain,
		projStep: h.ProjStep,
		mean:     make([]float32, h.Dim)}
	b, err = readFloats(b, m.mean)
	switch {
	case err != nil:
		return nil, err
	case h.Projected == byMatrix:
		m.proj = slices.Clone(b)
	case h.Projected == byFold:
		if m.fold, err = readFold(b, m.dim, m.kept); err != nil {
			return nil, err
		}
	}
	m.drawSigns()
	return m, nil
}

// readFold reads what Append wrote of a fold.
func readFold(b []byte, dim, kept int) (*fold, error) {
	n := dim - kept
	f := &fold{drop: n, ask: make([]float32, n*dim), take: make([]float32, n*kept), factors: mixFactors(kept)}
	b, err := readFloats(b, f.ask)
	if err == nil {
		_, err = readFloats(b, f.take)
	}
	return f, err
}

// readFloats fills dst, all finite, and returns what follows.
func readFloats(b []byte, dst []float32) ([]byte, error) {
	n, err := binary.Decode(b, binary.NativeEndian, dst)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrModel, err)
	}
	for _, x := range dst {
		if !finite(x) {
			return nil, fmt.Errorf("%w: a component of %g", ErrModel, x)
		}
	}
	return b[n:], nil
}

// check judges a head that rest bytes follow.
func (h *head) check(rest int) error {
	want := 4 * int(h.Dim)
	switch h.Projected {
	case byMatrix:
		want += int(h.Kept) * int(h.Dim)
	case byFold:
		want += 4 * (int(h.Dim) - int(h.Kept)) * (int(h.Dim) + int(h.Kept))
	}
	switch {
	case h.Version != modelVersion && h.Version != foldVersion, (h.Version == foldVersion) != (h.Projected == byFold):
		return fmt.Errorf("%w: version %d", ErrModel, h.Version)
	case !h.hasBits() || h.Metric > uint32(compute.Cosine) || h.Metric < uint32(compute.L2):
		return fmt.Errorf("%w: kind %d, metric %d", ErrModel, h.Kind, h.Metric)
	case h.Dim < 1 || h.Dim > compute.MaxDim || h.Projected > byFold || !h.keepsRight():
		return fmt.Errorf("%w: %d of %d components", ErrModel, h.Kept, h.Dim)
	case h.Stride%lineBytes != 0 || h.Stride > 2*compute.MaxDim || h.Stride < lineBytes ||
		int(h.Kept) > Kind(h.Kind).room(int(h.Stride)):
		return fmt.Errorf("%w: rows of %d bytes", ErrModel, h.Stride)
	case h.Depth < goalK || int(h.Depth) > Kind(h.Kind).maxDepth() || !finite(h.Step) || h.Step <= 0 ||
		!finite(h.Offset) || !finite(h.Strain) || !finite(h.ProjStep):
		return fmt.Errorf("%w: depth %d, step %g, offset %g", ErrModel, h.Depth, h.Step, h.Offset)
	case rest != want:
		return fmt.Errorf("%w: %d bytes follow the head, not %d", ErrModel, rest, want)
	}
	return nil
}

// hasBits reports whether the kind is one of codes.
func (h *head) hasBits() bool {
	return h.Kind == uint32(SQ8) || h.Kind == uint32(SQ4) || h.Kind == uint32(Binary)
}

// keepsRight reports whether a code may have so many components.
func (h *head) keepsRight() bool {
	switch h.Projected {
	case byFold:
		return folds(int(h.Dim), int(h.Kept)) && h.Dim <= maxProjectDim && h.Kind != uint32(Binary)
	case byMatrix:
		return h.Kept >= 1 && h.Dim <= maxProjectDim && (h.Kept <= h.Dim || h.Kind == uint32(Binary))
	}
	if h.Kind == uint32(Binary) {
		return int(h.Kept) == spinWidth(int(h.Dim))
	}
	return h.Kept == h.Dim
}

func finite(x float32) bool { return !math.IsNaN(float64(x)) && !math.IsInf(float64(x), 0) }
