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
		LinkWorkers: o.LinkWorkers, Courtesy: o.courtesy, MaxPending: o.MaxPending, Quantization: kind,
		Fetch: o.Fetch,
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

// recoder is a graph that may be walked by codes.
type recoder interface {
	// Requantize asks for codes of another kind, which come in the background.
	Requantize(kind codes.Kind) error
	// CodeBits is how many bits of a component the codes have that searches go by, 0
	// without codes.
	CodeBits() int
}

// coded reports whether g is walked by codes now.
func coded(g graph) bool {
	r, ok := g.(recoder)
	return ok && r.CodeBits() > 0
}

// requantize has the graphs of c take codes of another kind. It runs in commit order.
func (c *collection) requantize(q Quantization) {
	kind, _ := codes.ParseKind(string(q))
	v, err := c.acquire()
	if err != nil {
		return // it is opened with what the catalogue says
	}
	defer v.release()
	graphs := []graph{v.graph}
	if s := c.shadow.Load(); s != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.dead {
			graphs = append(graphs, s.graph)
		}
	}
	for _, g := range graphs {
		r, ok := g.(recoder)
		if !ok {
			continue
		}
		if err := r.Requantize(kind); err != nil {
			panic("BUG: engine: quantization was not checked: " + err.Error())
		}
	}
}
