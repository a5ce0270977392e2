package dataset

import (
	"context"
	"regexp"
	"strconv"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/errs"
)

const (
	namedQueries = 500
	namedTruthK  = 100
	namedSeed    = 1
	namedRowsMax = 100_000_000
)

// clusteredName is what Clustered calls its sets: clustered-1m-128.
var clusteredName = regexp.MustCompile(`^clustered-([0-9]{1,9})(k|m)?-([0-9]{1,5})$`)

// Generate makes the set that a name of Clustered's stands for, with 500 queries
// and the 100 nearest rows of each; ok is false for any other name.
// Errors: *errs.Error for sizes that cannot be made; ctx's.
func Generate(ctx context.Context, name string) (s *Set, ok bool, err error) {
	m := clusteredName.FindStringSubmatch(name)
	if m == nil {
		return nil, false, nil
	}
	rows, _ := strconv.Atoi(m[1]) // nine digits at most
	dim, _ := strconv.Atoi(m[3])
	rows *= map[string]int{"": 1, "k": 1000, "m": 1_000_000}[m[2]]
	if rows < namedTruthK || rows > namedRowsMax || dim < 1 || dim > compute.MaxDim {
		return nil, true, errs.Invalid("data set", "clustered-ROWS-COMPONENTS with 100 to 100m rows of 1 to 65536",
			name)
	}
	s, err = Clustered(ctx, ClusteredSpec{Rows: rows, Dim: dim, Queries: namedQueries, TruthK: namedTruthK,
		Seed: namedSeed})
	return s, true, err
}
