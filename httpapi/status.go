package httpapi

import (
	"cmp"
	"net/http"
	"time"

	"github.com/prometheus/common/expfmt"

	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/engine/errs"
)

type check struct {
	Status string `json:"status"` // pass, warn or fail
	Detail string `json:"detail,omitempty"`
}

type healthReply struct {
	Status    string           `json:"status"` // healthy or degraded
	Timestamp string           `json:"timestamp"`
	Version   string           `json:"version"`
	Uptime    float64          `json:"uptime_seconds"`
	Checks    map[string]check `json:"checks"`
}

// health answers GET /health: 200 healthy, or 503 degraded with the checks that
// failed. Loading collections are a warning; /ready is for those.
func (c *call) health() error {
	st := c.engine.Stats()
	checks := map[string]check{"storage": {Status: "pass"}, "collections": {Status: "pass"},
		"server": {Status: "pass"}}
	if st.ReadOnly != "" {
		checks["storage"] = check{"fail", "writes are refused: " + st.ReadOnly}
	}
	if c.s.draining.Load() {
		checks["server"] = check{"fail", "shutting down"}
	}
	checks["collections"] = collectionsCheck(c.engine.Collections())
	if k := backendsCheck(st.Backends); k.Status != "" {
		checks["backends"] = k
	}
	reply := healthReply{"healthy", stamp(time.Now()), c.s.opts.Version,
		st.Uptime.Seconds(), checks}
	for _, k := range checks {
		if k.Status == "fail" {
			reply.Status = "degraded"
			c.ctx.SetStatusCode(http.StatusServiceUnavailable)
			c.ctx.Response.Header.Set("Retry-After", "1")
		}
	}
	return c.json(reply)
}

// backendsCheck fails while a device is lost: searches are answered, by the host,
// and slower. Without a device there is nothing to check.
func backendsCheck(all []engine.BackendStats) (k check) {
	for i := range all {
		s := &all[i].Status
		switch {
		case s.Degraded:
			return check{"fail", all[i].Name + " is lost, the host answers: " + s.Reason}
		case s.Device != "":
			k = check{"pass", all[i].Name + ": " + s.Device + ", driver " + s.Driver + ", kernels " + s.Kernels}
		}
	}
	return k
}

func collectionsCheck(infos []engine.CollectionInfo) check {
	for i := range infos {
		if infos[i].State == engine.StateQuarantined {
			return check{"fail", "collection " + infos[i].Name + ": " + infos[i].Reason}
		}
	}
	for i := range infos {
		if infos[i].State == engine.StateLoading {
			return check{"warn", "collection " + infos[i].Name + " is loading"}
		}
	}
	return check{Status: "pass"}
}

// live answers GET /live: the process answers.
func (c *call) live() error {
	return c.json(struct {
		Status string `json:"status"`
	}{"alive"})
}

type readiness struct {
	Ready       bool              `json:"ready"`
	Collections []collectionReady `json:"waiting_for"`
}

type collectionReady struct {
	Name     string       `json:"name"`
	State    engine.State `json:"state"`
	Progress float64      `json:"progress"`
	Reason   string       `json:"reason,omitempty"`
}

// ready answers GET /ready: 200 once every collection serves, 503 with those that
// do not.
func (c *call) ready() error {
	reply := readiness{Collections: []collectionReady{}}
	infos := c.engine.Collections()
	for i := range infos {
		if infos[i].State != engine.StateReady {
			reply.Collections = append(reply.Collections, collectionReady{infos[i].Name,
				infos[i].State, infos[i].Progress, infos[i].Reason})
		}
	}
	reply.Ready = len(reply.Collections) == 0 && c.engine.Ready() && !c.s.draining.Load()
	if !reply.Ready {
		c.ctx.SetStatusCode(http.StatusServiceUnavailable)
		c.ctx.Response.Header.Set("Retry-After", "1")
	}
	return c.json(reply)
}

// prometheus answers GET /metrics and GET /prometheus/metrics.
func (c *call) prometheus() error {
	families, err := c.s.opts.Registry.Gather()
	if err != nil {
		return errs.New(errs.Internal, "Metrics cannot be gathered").Wrap(err)
	}
	c.ctx.Response.Header.SetContentType("text/plain; version=0.0.4; charset=utf-8")
	w := c.ctx.Response.BodyWriter()
	enc := expfmt.NewEncoder(w, expfmt.NewFormat(expfmt.TypeTextPlain))
	for _, f := range families {
		if err := enc.Encode(f); err != nil {
			return errs.New(errs.Internal, "Metrics cannot be written").Wrap(err)
		}
	}
	return nil
}

type statsReply struct {
	Collections  int               `json:"collections"`
	TotalColls   int               `json:"total_collections"`
	Vectors      int               `json:"vectors"`
	TotalVectors int               `json:"total_vectors"`
	TotalBytes   int64             `json:"total_size_bytes"`
	Pending      int               `json:"pending_rows"`
	Uptime       float64           `json:"uptime_seconds"`
	Version      string            `json:"version"`
	Quantization string            `json:"default_quantization"`
	Compression  float64           `json:"compression_ratio"`
	Providers    []string          `json:"providers"`
	NodeID       string            `json:"node_id"`
	HistoryID    string            `json:"history_id"`
	Position     engine.Position   `json:"position"`
	ReadOnly     string            `json:"read_only,omitempty"`
	Memory       engine.MemoryInfo `json:"memory"`
	Storage      storageReply      `json:"storage"`
	Writes       writesReply       `json:"writes"`
	Backends     []backendReply    `json:"backends"`
}

type storageReply struct {
	Path         string `json:"path"`
	DiskBytes    uint64 `json:"disk_bytes"`
	ImageBytes   int64  `json:"image_bytes"`
	WALBytes     uint64 `json:"wal_bytes"`
	FreeBytes    uint64 `json:"free_bytes"`
	TotalBytes   uint64 `json:"total_bytes"`
	ReserveBytes uint64 `json:"reserve_bytes"`
	CacheBytes   int64  `json:"cache_bytes"`
	CacheHits    int64  `json:"cache_hits"`
	CacheMisses  int64  `json:"cache_misses"`
	LogFirst     uint64 `json:"log_first"`
	LogLast      uint64 `json:"log_last"`
	Full         bool   `json:"full"`
}

type writesReply struct {
	Commits      uint64  `json:"commits"`
	Ops          uint64  `json:"ops"`
	Bytes        uint64  `json:"bytes"`
	Fsyncs       uint64  `json:"fsyncs"`
	FsyncSeconds float64 `json:"fsync_seconds"`
	GroupMax     uint64  `json:"group_max_ops"`
	QueueOps     int64   `json:"queue_ops"`
	QueueBytes   int64   `json:"queue_bytes"`
	Rejected     uint64  `json:"rejected"`
}

type backendReply struct {
	Name        string `json:"name"`
	MemoryBytes uint64 `json:"memory_bytes"`
	Exact       bool   `json:"exact"`
	Device      string `json:"device,omitempty"`
	Driver      string `json:"driver,omitempty"`
	Kernels     string `json:"kernels,omitempty"`
	Degraded    bool   `json:"degraded,omitempty"`
	Reason      string `json:"reason,omitempty"`
	Losses      int    `json:"losses,omitempty"`
}

func backend(b *engine.BackendStats) backendReply {
	return backendReply{b.Name, b.MemoryBytes, b.Exact, b.Status.Device, b.Status.Driver,
		b.Status.Kernels, b.Status.Degraded, b.Status.Reason, b.Status.Losses}
}

// stats answers GET /stats.
func (c *call) stats() error {
	st := c.engine.Stats()
	s, w := &st.Storage, &st.Writes
	reply := statsReply{
		Collections: st.Collections, TotalColls: st.Collections, Vectors: st.Vectors,
		TotalVectors: st.Vectors, Pending: st.Pending, Uptime: st.Uptime.Seconds(),
		Version:      c.s.opts.Version,
		Quantization: string(cmp.Or(c.s.opts.DefaultQuantization, engine.QuantizeAuto)),
		Compression:  1, Providers: []string{},
		NodeID: st.NodeID, HistoryID: st.HistoryID, Position: st.Position, ReadOnly: st.ReadOnly,
		Memory: st.Memory, TotalBytes: int64(s.DiskBytes) + s.ImageBytes,
		Storage: storageReply{s.Path, s.DiskBytes, s.ImageBytes, s.WALBytes, s.FreeBytes,
			s.TotalBytes, s.ReserveBytes, s.CacheBytes, s.CacheHits, s.CacheMisses,
			s.LogFirst, s.LogLast, s.Full},
		Writes: writesReply{w.Commits, w.Ops, w.Bytes, w.Fsyncs, w.FsyncTime.Seconds(),
			w.GroupMax, w.QueueOps, w.QueueBytes, w.Rejected},
		Backends: make([]backendReply, 0, len(st.Backends)),
	}
	for i := range st.Backends {
		reply.Backends = append(reply.Backends, backend(&st.Backends[i]))
	}
	return c.json(reply)
}

// status answers GET /status.
func (c *call) status() error {
	return c.json(struct {
		Online  bool    `json:"online"`
		Version string  `json:"version"`
		Uptime  float64 `json:"uptime_seconds"`
		Count   int     `json:"collections_count"`
		Ready   bool    `json:"ready"`
	}{true, c.s.opts.Version, time.Since(c.s.started).Seconds(),
		len(c.engine.Collections()), c.engine.Ready()})
}

type progressReply struct {
	Overall     string           `json:"overall_status"`
	Collections []collectionWork `json:"collections"`
	Total       int              `json:"total_collections"`
	Completed   int              `json:"completed_collections"`
	Processing  int              `json:"processing_collections"`
	Failed      int              `json:"failed_collections"`
}

type collectionWork struct {
	Name      string  `json:"name"`
	Status    string  `json:"status"`
	Progress  float64 `json:"progress"`
	Total     int     `json:"total_documents"`
	Processed int     `json:"processed_documents"`
	Errors    int     `json:"errors"`
	Pending   int     `json:"pending"`
}

// progress answers GET /indexing/progress.
func (c *call) progress() error {
	infos := c.engine.Collections()
	reply := progressReply{Overall: "completed", Total: len(infos),
		Collections: make([]collectionWork, 0, len(infos))}
	for i := range infos {
		s := indexing(&infos[i])
		switch s.Status {
		case "completed":
			reply.Completed++
		case "failed":
			reply.Failed++
		default:
			reply.Processing++
		}
		reply.Collections = append(reply.Collections, collectionWork{infos[i].Name, s.Status,
			s.Progress, s.Total, s.Processed, s.Errors, s.Pending})
	}
	switch {
	case reply.Processing > 0:
		reply.Overall = "processing"
	case reply.Failed > 0:
		reply.Overall = "failed"
	}
	return c.json(reply)
}

// observe counts an answered request.
func (s *Server) observe(c *call, took time.Duration) {
	c.route.metrics.Answered(c.ctx.Response.StatusCode(), c.kind, took)
}
