package hnsw

import (
	"fmt"
	"runtime"

	"github.com/vectorizer-go/vectorizer/cpu/simd"
	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/engine/index/codes"
)

// Limits and defaults of a Config.
const (
	MinM = 2
	MaxM = 128

	DefaultM              = 16
	DefaultEfConstruction = 200
	DefaultEfSearch       = 64
	DefaultMaxPending     = 1024
	DefaultTrainRows      = 4096

	// MaxEf bounds every candidate list.
	MaxEf = 10000
	// MaxRows is the largest number of rows: candidates use the two bits above.
	MaxRows = 1 << 30
)

// Config fixes the shape of an index. Zero means the default where one is named.
type Config struct {
	Dim    int            // components per vector, 1..compute.MaxDim
	Metric compute.Metric // L2, Dot or Cosine
	// M is the number of links of a row above layer 0 (default 16); layer 0
	// holds up to twice as many.
	M int
	// EfConstruction is the candidate list while linking (default 200).
	EfConstruction int
	// EfSearch is the candidate list of a search that names none (default 64).
	EfSearch int
	// Seed fixes the levels of rows: equal seeds give equal levels.
	Seed uint64
	// LinkWorkers is how many goroutines link rows at most (default GOMAXPROCS).
	// They exist only while rows wait.
	LinkWorkers int
	// Courtesy is shared by indexes whose searches go before the linking of each
	// (default: one of its own).
	Courtesy *Courtesy
	// MaxPending is how many rows may wait to be linked before Put blocks
	// (default 1024). Every search scans the waiting rows.
	MaxPending int
	// MapVectors leaves the vectors of an opened image in the file, mapped
	// copy-on-write, instead of reading them: memory is then taken only for what
	// is touched, and searches are slower, because files have small pages. The
	// file must not be changed or cut while the index is open.
	MapVectors bool
	// Quantization is what the graph is walked by: codes.None reads full vectors,
	// the others read codes and rank what they find by full vectors. Codes are
	// made once TrainRows rows are linked.
	Quantization codes.Kind
	// Fetch is how far ahead rows are fetched into the cache (default: a table).
	Fetch Fetch
	// TrainRows is how many rows codes are trained on at least (default 4096).
	TrainRows int
}

// Fetch is simd.Fetch for those who configure an index.
type Fetch = simd.Fetch

// withDefaults fills zero fields.
func (c Config) withDefaults() Config {
	set := func(p *int, v int) {
		if *p == 0 {
			*p = v
		}
	}
	set(&c.M, DefaultM)
	set(&c.EfConstruction, DefaultEfConstruction)
	set(&c.EfSearch, DefaultEfSearch)
	set(&c.LinkWorkers, runtime.GOMAXPROCS(0))
	set(&c.MaxPending, DefaultMaxPending)
	set(&c.TrainRows, DefaultTrainRows)
	if c.Courtesy == nil {
		c.Courtesy = NewCourtesy(DefaultLinkShare, runtime.GOMAXPROCS(0))
	}
	return c
}

// validate checks a Config that has its defaults.
func (c Config) validate() error {
	inRange := func(field string, v, low, high int) error {
		if v < low || v > high {
			return errs.Invalid(field, fmt.Sprintf("%d..%d", low, high), v)
		}
		return nil
	}
	switch c.Metric {
	case compute.L2, compute.Dot, compute.Cosine:
	default:
		return errs.Invalid("metric", "l2, dot or cosine", c.Metric)
	}
	if !c.Quantization.Valid() {
		return errInvalidKind(c.Quantization)
	}
	if err := c.Fetch.Check(); err != nil {
		return errs.Invalid("fetch", "depths that a measurement finds", err.Error())
	}
	for _, err := range []error{
		inRange("dimension", c.Dim, 1, compute.MaxDim),
		inRange("m", c.M, MinM, MaxM),
		inRange("ef_construction", c.EfConstruction, 1, MaxEf),
		inRange("ef_search", c.EfSearch, 1, MaxEf),
		inRange("link_workers", c.LinkWorkers, 1, 1024),
		inRange("max_pending", c.MaxPending, 1, 1<<20),
		inRange("train_rows", c.TrainRows, codes.MinRows, MaxRows),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

func errInvalidKind(k codes.Kind) error {
	return errs.Invalid("quantization", "none, sq8, sq4, binary or auto", uint8(k))
}
