package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/index/hnsw"
	"github.com/vectorizer-go/vectorizer/engine/resident"
)

// ErrDevice says that a device that is required cannot be used.
var ErrDevice = errors.New("the device cannot be used")

// deviceInflight is how many batches of a collection are searched at once where
// there is a device: one is uploaded while another computes.
const deviceInflight = 3

// viewRows is a view as the source of a device's copy.
type viewRows struct{ v *view }

func (r viewRows) Rows() int                  { return r.v.graph.Rows() }
func (r viewRows) HostRows() compute.HostRows { return r.v.graph.HostRows() }
func (r viewRows) Retain() bool               { return r.v.retain() }
func (r viewRows) Release()                   { r.v.release() }

// graphOrDevice searches the graph or, where it is predicted to be faster for as many
// searches as are under way, every row on the device.
func (s *searcher) graphOrDevice(ctx context.Context, want int) error {
	if s.v.copy == nil {
		s.chose(planGraph, "default")
		s.graph(want, nil)
		return nil
	}
	queries := int(s.v.searching.Add(1))
	defer s.v.searching.Add(-1)
	effort := max(s.ef, want)
	var note compute.Note
	graph, known := s.v.graphCost.Predict(effort, queries, s.e.opts.Processors)
	if known && s.batched(s.v.graph.Rows(), want) {
		var device bool
		if note, device = s.v.copy.InsteadOfGraph(queries, graph); device {
			return s.exact(ctx, want, "faster on the device than the graph")
		}
	}
	s.chose(planGraph, "default")
	begin := time.Now()
	s.graph(want, nil)
	s.v.graphCost.Took(effort, time.Since(begin))
	s.keptToGraph(&note)
	return nil
}

// keptToGraph says why a search that the device was weighed for went to the graph.
func (s *searcher) keptToGraph(n *compute.Note) {
	if n.Backend != "" && s.req.Explain {
		s.plan.Choice = fmt.Sprintf("%s: %d searches at once, predicted %v on the device, %v in the graph",
			n.Why, n.Queries, n.Device, n.Host)
	}
}

// deviceAmong is graphOrDevice under a filter that the rows of m pass. It reports true if
// the device answered; else the graph did, which may have come short.
func (s *searcher) deviceAmong(ctx context.Context, m *matching, want int) (bool, error) {
	queries := int(s.v.filtering.Add(1))
	defer s.v.filtering.Add(-1)
	rows := s.v.graph.Rows()
	work, byCode := hnsw.AmongWork(max(s.ef, want), rows, m.n, coded(s.v.graph) && !s.codes.Ignore)
	cost := &s.v.walkCost
	if byCode {
		cost = &s.v.codeCost
	}
	var note compute.Note
	if host, known := cost.Predict(work, queries, s.e.opts.Processors); known && s.batched(rows, want) {
		var device bool
		if note, device = s.v.copy.InsteadOfWalk(queries, host); device {
			s.chose(planFilteredExact, "faster on the device than the graph")
			s.plan.Exhaustive = true
			if done, err := s.scanMasked(ctx, m, rows, want); done || err != nil {
				return done, err
			}
		}
	}
	begin := time.Now()
	s.graphAmong(m, want)
	cost.Took(work, time.Since(begin))
	s.keptToGraph(&note)
	return false, nil
}

// put stores a vector in the graph and notes it for the device's copy.
func (v *view) put(row uint32, vec []float32) error {
	if v.copy == nil {
		return v.graph.Put(row, vec)
	}
	v.copy.Writing(row)
	defer v.copy.Wrote(row)
	return v.graph.Put(row, vec)
}

// DeviceInfo says how a collection stands with the device.
type DeviceInfo struct {
	State  resident.State `json:"state"`
	Reason string         `json:"reason,omitempty"`
	Bytes  uint64         `json:"bytes"`
	// HostBytes is memory of the host that rows are copied from for each batch.
	HostBytes uint64 `json:"host_bytes,omitempty"`
}

// deviceInfo is nil without a device.
func (v *view) deviceInfo() *DeviceInfo {
	if v.copy == nil {
		return nil
	}
	var i DeviceInfo
	i.State, i.Reason, i.Bytes = v.copy.Info()
	if i.State == resident.StateTiled {
		i.Bytes, i.HostBytes = 0, i.Bytes
	}
	return &i
}

// noted takes over who computed a batch and why.
func (s *searcher) noted(n *compute.Note) {
	if n.Backend == "" {
		return
	}
	s.plan.Backend = n.Backend
	if s.req.Explain {
		s.plan.Choice = fmt.Sprintf("%s: batch of %d, predicted %v on the device, %v on the host",
			n.Why, n.Queries, n.Device, n.Host)
		if t := n.Times; t.Measured() {
			s.plan.Choice += fmt.Sprintf("; on the device %v up, %v kernels, %v down", t.Upload, t.Kernels, t.Download)
		}
	}
}
