package httpapi

import (
	"cmp"
	"fmt"
	"time"

	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/httpapi/codec"
)

// Names that are routes below /collections, and so cannot be collections.
const (
	nameEmpty   = "empty"
	nameCleanup = "cleanup"
)

// listCollections answers GET /collections.
func (c *call) listCollections() error {
	infos := c.engine.Collections()
	list := make([]collectionInfo, 0, len(infos))
	for i := range infos {
		list = append(list, listedInfo(&infos[i]))
	}
	return c.json(struct {
		Collections []collectionInfo `json:"collections"`
		Total       int              `json:"total_collections"`
	}{list, len(list)})
}

// getCollection answers GET /collections/{collection}.
func (c *call) getCollection() error {
	cs, err := c.enter(c.params[0])
	if err != nil {
		return err
	}
	return c.sendInfo(cs.name)
}

func (c *call) sendInfo(name string) error {
	info, err := c.engine.Collection(name)
	if err != nil {
		return err
	}
	return c.json(singleInfo(&info))
}

// createCollection answers POST /collections. The reply has the shape that the
// client which sends such a request reads; see package documentation.
func (c *call) createCollection() error {
	d, err := c.decoder()
	if err != nil {
		return err
	}
	var body codec.Create
	if err := body.Decode(d); err != nil {
		return err
	}
	cfg := body.Config
	if cfg.Name == nameEmpty || cfg.Name == nameCleanup {
		return errs.Invalid("name", "a name other than empty and cleanup", cfg.Name)
	}
	def := c.s.opts.DefaultHNSW
	fallback(&cfg.HNSW.M, def.M)
	fallback(&cfg.HNSW.EfConstruction, def.EfConstruction)
	fallback(&cfg.HNSW.EfSearch, def.EfSearch)
	if err := c.require(cfg.WriteConcern); err != nil {
		return err
	}
	cfg.Quantization = cmp.Or(cfg.Quantization, c.s.opts.DefaultQuantization)
	info, err := c.engine.CreateCollection(c.req, cfg)
	if err != nil {
		return err
	}
	if body.Shape == codec.ShapeInfo {
		return c.json(singleInfo(&info))
	}
	reply := createReply{
		Message:    fmt.Sprintf("Collection '%s' created successfully", info.Name),
		Collection: info.Name, Name: info.Name, Dimension: info.Dimension,
		Metric: metricWord(info.Metric),
	}
	if body.Shape == codec.ShapeConfig {
		reply.Metric = metricName(info.Metric)
		reply.Config = &createConfig{info.Dimension, metricName(info.Metric)}
	}
	return c.json(reply)
}

func fallback(p *int, def int) {
	if *p == 0 {
		*p = def
	}
}

type createReply struct {
	Message    string        `json:"message"`
	Collection string        `json:"collection"`
	Name       string        `json:"name"`
	Dimension  int           `json:"dimension"`
	Metric     string        `json:"metric"`
	Config     *createConfig `json:"config,omitempty"`
}

type createConfig struct {
	Dimension int    `json:"dimension"`
	Metric    string `json:"metric"`
}

// updateCollection answers PUT /collections/{collection}.
func (c *call) updateCollection() error {
	cs, err := c.enter(c.params[0])
	if err != nil {
		return err
	}
	d, err := c.decoder()
	if err != nil {
		return err
	}
	var p codec.Patch
	if err := p.Decode(d); err != nil {
		return err
	}
	info, err := c.engine.Collection(cs.name)
	if err != nil {
		return err
	}
	if p.Metric != 0 && p.Metric != info.Metric {
		return errs.Invalid("similarity_metric",
			metricWord(info.Metric)+" (a collection keeps its metric)", metricWord(p.Metric))
	}
	if info, err = c.engine.UpdateCollection(c.req, cs.name, p.CollectionPatch); err != nil {
		return err
	}
	return c.json(singleInfo(&info))
}

// deleteCollection answers DELETE /collections/{collection}.
func (c *call) deleteCollection() error {
	name := c.param(0)
	if err := c.engine.DeleteCollection(c.req, name); err != nil {
		return err
	}
	c.s.forget(name)
	return c.json(messageReply{fmt.Sprintf("Collection '%s' deleted successfully", name), true})
}

type renameReply struct {
	OldName       string `json:"old_name"`
	NewName       string `json:"new_name"`
	AliasRetained bool   `json:"alias_retained"`
	Status        string `json:"status"`
}

// renameCollection answers POST /collections/{collection}/rename.
func (c *call) renameCollection() error {
	old := c.param(0)
	var n codec.Named
	if err := c.named(&n, "new_name"); err != nil {
		return err
	}
	if n.NewName == "" || n.NewName == nameEmpty || n.NewName == nameCleanup {
		return errs.Invalid("new_name", "a name other than empty and cleanup", n.NewName)
	}
	if err := c.engine.RenameCollection(c.req, old, n.NewName); err != nil {
		return err
	}
	c.s.forget(old)
	return c.json(renameReply{old, n.NewName, false, "ok"})
}

type reindexReply struct {
	Collection string            `json:"collection"`
	State      string            `json:"state"`
	Params     engine.HNSWConfig `json:"params"`
	Progress   float64           `json:"progress"`
	TookMS     float64           `json:"took_ms"`
}

// reindex answers POST /collections/{collection}/reindex. It returns when the new
// graph serves; the old one does meanwhile. What the body leaves out stays.
func (c *call) reindex() error {
	cs, err := c.enter(c.params[0])
	if err != nil {
		return err
	}
	info, err := c.engine.Collection(cs.name)
	if err != nil {
		return err
	}
	d, err := c.decoder()
	if err != nil {
		return err
	}
	h := info.HNSW
	if err := codec.DecodeHNSW(d, &h); err != nil {
		return err
	}
	if err := c.engine.Reindex(c.req, cs.name, h); err != nil {
		return err
	}
	return c.json(reindexReply{cs.name, "completed", h, 1, millis(time.Since(c.start))})
}

// flushCollection answers POST /collections/{collection}/force-save.
func (c *call) flushCollection() error {
	cs, err := c.enter(c.params[0])
	if err != nil {
		return err
	}
	if err := c.engine.FlushCollection(c.req, cs.name); err != nil {
		return err
	}
	return c.json(struct {
		messageReply
		Flushed bool `json:"flushed"`
	}{messageReply{"Collection saved", true}, true})
}

// emptyNames lists the collections that serve and hold nothing.
func (c *call) emptyNames() []string {
	names := []string{}
	infos := c.engine.Collections()
	for i := range infos {
		if infos[i].VectorCount == 0 && infos[i].State == engine.StateReady {
			names = append(names, infos[i].Name)
		}
	}
	return names
}

// listEmpty answers GET /collections/empty.
func (c *call) listEmpty() error {
	names := c.emptyNames()
	return c.json(struct {
		Status string   `json:"status"`
		Empty  []string `json:"empty_collections"`
		Count  int      `json:"count"`
	}{"success", names, len(names)})
}

type cleanupReply struct {
	Status      string   `json:"status"`
	Success     bool     `json:"success"`
	Message     string   `json:"message"`
	Deleted     int      `json:"deleted_count"`
	Removed     int      `json:"removed"`
	Collections []string `json:"collections"`
	DryRun      bool     `json:"dry_run"`
}

// cleanup answers DELETE /collections/cleanup: it deletes empty collections, or
// says which ones it would delete.
func (c *call) cleanup() error {
	dry, err := c.queryBool("dry_run", false)
	if err != nil {
		return err
	}
	names := c.emptyNames()
	gone := 0
	for _, name := range names {
		if dry {
			continue
		}
		// One may have been filled, or deleted by someone else, since.
		if info, err := c.engine.Collection(name); err != nil || info.VectorCount > 0 {
			continue
		}
		if err := c.engine.DeleteCollection(c.req, name); err != nil {
			return err
		}
		c.s.forget(name)
		gone++
	}
	what := "deleted"
	if dry {
		what = "would be deleted"
	}
	count := gone
	if dry {
		count = len(names)
	}
	return c.json(cleanupReply{"success", true,
		fmt.Sprintf("%d empty collections %s", count, what), gone, gone, names, dry})
}

// metricName is a metric as collection info has it.
func metricName(m compute.Metric) string {
	switch m {
	case compute.L2:
		return "Euclidean"
	case compute.Dot:
		return "DotProduct"
	}
	return "Cosine"
}

// metricWord is a metric as requests have it.
func metricWord(m compute.Metric) string {
	switch m {
	case compute.L2:
		return "euclidean"
	case compute.Dot:
		return "dot_product"
	}
	return "cosine"
}
