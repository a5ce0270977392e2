package engine

import (
	"errors"

	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/engine/index"
	"github.com/vectorizer-go/vectorizer/engine/index/codes"
	"github.com/vectorizer-go/vectorizer/engine/index/hnsw"
	"github.com/vectorizer-go/vectorizer/engine/index/image"
)

// graph is what the engine needs of an index beyond index.Graph.
type graph interface {
	index.Graph
	// TakeFree hands out a freed row for the next Put; false if there is none.
	TakeFree() (row uint32, ok bool)
	// ReturnFree makes row, which is not alive and not linked, one of those.
	ReturnFree(row uint32)
	// WriteImage adds the graph to an image, beside the writer.
	WriteImage(w *image.Writer) error
	// Config is what the graph was made with.
	Config() hnsw.Config
	// Repair is the number of rows whose repair is outstanding; now starts it,
	// however few they are.
	Repair(now bool) (outstanding int)
}

// graphConfig is cfg as the index wants it.
func graphConfig(o *Options, cfg *CollectionConfig) hnsw.Config {
	kind, _ := codes.ParseKind(string(cfg.Quantization)) // none for what older versions stored
	return hnsw.Config{
		Dim: cfg.Dimension, Metric: cfg.Metric, M: cfg.HNSW.M,
		EfConstruction: cfg.HNSW.EfConstruction, EfSearch: cfg.HNSW.EfSearch,
		LinkWorkers: o.LinkWorkers, MaxPending: o.MaxPending, Quantization: kind,
	}
}

// newGraph makes an empty graph. Errors: errs.Validation, errs.IndexError.
func newGraph(o *Options, cfg *CollectionConfig) (graph, error) {
	g, err := hnsw.New(graphConfig(o, cfg))
	if err == nil {
		return g, nil
	}
	if typed := (*errs.Error)(nil); errors.As(err, &typed) {
		return nil, err
	}
	return nil, errs.New(errs.IndexError, "Index cannot be made").Wrap(err)
}
