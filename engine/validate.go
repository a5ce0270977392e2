package engine

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/engine/payload"
)

// Bounds and defaults of HNSWConfig.
const (
	defaultM              = 16
	defaultEfConstruction = 200
	defaultEfSearch       = 64
	maxEfSearch           = 10000
	maxDescriptionBytes   = 4096
	maxPayloadPaths       = 256
)

// normalise checks cfg and fills in the defaults.
// Errors: errs.Validation, errs.InvalidDimension.
func (cfg *CollectionConfig) normalise() error {
	if err := checkName(cfg.Name); err != nil {
		return err
	}
	if cfg.Dimension < 1 || cfg.Dimension > compute.MaxDim {
		return errs.New(errs.InvalidDimension, "Invalid dimension: expected 1 to %d, got %d",
			compute.MaxDim, cfg.Dimension).
			With("field", "dimension").With("expected", "1 to 65536").With("given", cfg.Dimension)
	}
	if cfg.Metric == 0 {
		cfg.Metric = compute.Cosine
	}
	if cfg.Metric > compute.Cosine {
		return errs.Invalid("metric", "cosine, euclidean or dot", int(cfg.Metric))
	}
	cfg.Quantization = cmp.Or(cfg.Quantization, QuantizeAuto)
	if err := checkQuantization(cfg.Quantization); err != nil {
		return err
	}
	if err := checkOversampling(cfg.Oversampling); err != nil {
		return err
	}
	cfg.Storage = cmp.Or(cfg.Storage, StorageMapped)
	if err := checkStorage(cfg.Storage); err != nil {
		return err
	}
	switch cfg.UpdateMode {
	case "":
		cfg.UpdateMode = UpdateInPlace
	case UpdateInPlace, UpdateReinsert:
	default:
		return errs.Invalid("update_mode", "in_place or reinsert", string(cfg.UpdateMode))
	}
	if err := checkDescription(cfg.Description); err != nil {
		return err
	}
	if err := checkPaths(cfg.PayloadIndex); err != nil {
		return err
	}
	if err := checkConcern(cfg.WriteConcern); err != nil {
		return err
	}
	return cfg.HNSW.normalise()
}

// normalise checks h and fills in the defaults.
func (h *HNSWConfig) normalise() error {
	setDefault(&h.M, defaultM)
	setDefault(&h.EfConstruction, defaultEfConstruction)
	setDefault(&h.EfSearch, defaultEfSearch)
	if err := checkRange("hnsw.m", h.M, 2, 128); err != nil {
		return err
	}
	if err := checkRange("hnsw.ef_construction", h.EfConstruction, 8, 4096); err != nil {
		return err
	}
	return checkRange("hnsw.ef_search", h.EfSearch, 1, maxEfSearch)
}

func checkRange(field string, v, lo, hi int) error {
	if v >= lo && v <= hi {
		return nil
	}
	e := errs.Invalid(field, "a number in range", v)
	e.Message = errs.New(errs.Validation, "Invalid %s: expected %d to %d, got %d",
		field, lo, hi, v).Message
	return e.With("min", lo).With("max", hi)
}

func checkConcern(w WriteConcern) error {
	if w < ConcernAll || w > MaxConcern {
		return errs.Invalid("write_concern", "all, or a number of replicas from 0 to 1000", int(w))
	}
	return nil
}

func checkDescription(s string) error {
	if len(s) > maxDescriptionBytes || !utf8.ValidString(s) {
		return errs.Invalid("description", "at most 4096 bytes of UTF-8", len(s))
	}
	return nil
}

func checkPaths(paths []string) error {
	if len(paths) > maxPayloadPaths {
		return errs.Invalid("payload_index", "at most 256 paths", len(paths))
	}
	for _, p := range paths {
		if p == "" || len(p) > MaxIDBytes || !utf8.ValidString(p) {
			return errs.Invalid("payload_index", "paths of 1 to 256 bytes of UTF-8", p)
		}
	}
	return nil
}

// checkName accepts letters, digits, '_', '-', '.', ':', '@', '+' and inner
// blanks, starting with a letter, digit or '_': names travel in URLs, log lines,
// metric labels and file listings. Two words that routes use are refused.
func checkName(name string) error {
	const want = "1 to 255 bytes of letters, digits, '_', '-', '.', ':', '@', '+' or inner spaces, " +
		"starting with a letter, digit or '_'"
	if name == "" || len(name) > MaxNameBytes || !utf8.ValidString(name) ||
		strings.TrimSpace(name) != name {
		return errs.Invalid("name", want, clip(name))
	}
	for i, r := range name {
		ok := r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r)
		if i > 0 {
			ok = ok || strings.ContainsRune("-.:@+ ", r) || unicode.Is(unicode.Mn, r)
		}
		if !ok {
			return errs.Invalid("name", want, clip(name))
		}
	}
	if name == "empty" || name == "cleanup" {
		return errs.Invalid("name", "a name other than the reserved 'empty' and 'cleanup'", name)
	}
	return nil
}

// clip shortens text from outside for messages.
func clip(s string) string {
	if len(s) <= 64 {
		return s
	}
	return strings.ToValidUTF8(s[:64], "") + "…"
}

// checkID accepts 1 to MaxIDBytes bytes of UTF-8 without '#', control
// characters, or blanks around.
func checkID(id string) error {
	if id == "" || len(id) > MaxIDBytes {
		return errs.Invalid("id", "1 to 256 bytes", len(id))
	}
	if !utf8.ValidString(id) {
		return errs.Invalid("id", "UTF-8", clip(strings.ToValidUTF8(id, "\uFFFD")))
	}
	for i := range len(id) {
		if c := id[i]; c < 0x20 || c == 0x7f || c == '#' {
			return errs.Invalid("id", "no '#' and no control character", clip(id))
		}
	}
	if strings.TrimSpace(id) != id {
		return errs.Invalid("id", "no blanks at either end", "'"+clip(id)+"'")
	}
	return nil
}

// checkVector accepts cfg.Dimension finite numbers whose norm is usable. It
// returns the squared norm.
func checkVector(v []float32, cfg *CollectionConfig) (float64, error) {
	if len(v) != cfg.Dimension {
		return 0, errs.WrongDim(cfg.Dimension, len(v)).With("collection", cfg.Name)
	}
	sum := float64(0)
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	// A sum of squares of finite float32 in float64 cannot overflow, so the sum
	// is finite exactly if every component is.
	if math.IsNaN(sum) || math.IsInf(sum, 0) {
		for i, x := range v {
			if f := float64(x); math.IsNaN(f) || math.IsInf(f, 0) {
				return 0, errs.Invalid("vector", "finite numbers", x).With("index", i)
			}
		}
	}
	if sum == 0 && cfg.Metric == compute.Cosine {
		return 0, errs.Invalid("vector", "a vector that is not all zeros (metric cosine)", "all zeros")
	}
	return sum, nil
}

// checkPayload accepts nil, null, or a JSON object of at most MaxPayloadBytes.
// It returns nil for null.
func checkPayload(p json.RawMessage) (json.RawMessage, error) {
	p = trimJSON(p)
	if len(p) == 0 || string(p) == "null" {
		return nil, nil
	}
	if err := payload.Validate(p); err != nil {
		return nil, err
	}
	return p, nil
}

// trimJSON cuts JSON white space around p.
func trimJSON(p []byte) []byte {
	for len(p) > 0 && (p[0] == ' ' || p[0] == '\n' || p[0] == '\t' || p[0] == '\r') {
		p = p[1:]
	}
	for n := len(p); n > 0; n-- {
		if c := p[n-1]; c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			break
		}
		p = p[:n-1]
	}
	return p
}

func checkQuantization(q Quantization) error {
	switch q {
	case QuantizeAuto, QuantizeSQ8, QuantizeSQ4, QuantizeBinary, QuantizeNone:
		return nil
	}
	return errs.Invalid("quantization", "auto, sq8, sq4, binary or none", string(q))
}

// checkOversampling checks a factor, 0 for none.
func checkOversampling(f float32) error {
	if f == 0 || f >= 1 && f <= MaxOversampling {
		return nil
	}
	return errs.Invalid("quantization.oversampling", fmt.Sprintf("1 to %d", MaxOversampling), f)
}

func checkStorage(s Storage) error {
	if s != StorageMapped && s != StorageRAM {
		return errs.Invalid("storage", "mapped or ram", string(s))
	}
	return nil
}
