package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/vectorizer-go/vectorizer/cmd/vectorizer/client"
)

// serverStatus is what the server tells about itself.
type serverStatus struct {
	URL         string             `json:"url"`
	Version     string             `json:"version"`
	Ready       bool               `json:"ready"`
	Uptime      float64            `json:"uptime_seconds"`
	Collections []collectionStatus `json:"collections"`
	Stats       json.RawMessage    `json:"stats"`                 // all of GET /stats
	Replication json.RawMessage    `json:"replication,omitempty"` // all of GET /replication/status
	topology    *topology
	figures     statsFigures
}

// statsFigures are the parts of GET /stats that the table shows.
type statsFigures struct {
	Vectors  int64  `json:"total_vectors"`
	Size     int64  `json:"total_size_bytes"`
	ReadOnly string `json:"read_only"`
	Storage  struct {
		Path string `json:"path"`
		Free int64  `json:"free_bytes"`
	} `json:"storage"`
	Memory   map[string]int64 `json:"memory"`
	Backends []struct {
		Name string `json:"name"`
	} `json:"backends"`
}

// collectionStatus is one collection of GET /indexing/progress, with what GET
// /ready says of it.
type collectionStatus struct {
	Name      string  `json:"name"`
	Status    string  `json:"status"`
	Progress  float64 `json:"progress"` // 0 to 1
	Total     int64   `json:"total_documents"`
	Processed int64   `json:"processed_documents"`
	Reason    string  `json:"reason,omitempty"` // why it does not serve
}

// readStatus asks the server. A server that is not ready is not an error.
func readStatus(ctx context.Context, c *client.Client) (*serverStatus, error) {
	s := &serverStatus{URL: c.Base()}
	var status struct {
		Online  bool    `json:"online"`
		Version string  `json:"version"`
		Uptime  float64 `json:"uptime_seconds"`
	}
	if err := c.Get(ctx, "/api/v1/status", &status); err != nil {
		return nil, err
	}
	if !status.Online {
		return nil, fmt.Errorf("%s is not a vectorizer server", c.Base())
	}
	s.Version, s.Uptime = status.Version, status.Uptime
	if err := c.Get(ctx, "/api/v1/stats", &s.Stats); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(s.Stats, &s.figures); err != nil {
		return nil, fmt.Errorf("%s/api/v1/stats: %w", c.Base(), err)
	}
	var progress struct {
		Collections []collectionStatus `json:"collections"`
	}
	if err := c.Get(ctx, "/api/v1/indexing/progress", &progress); err != nil {
		return nil, err
	}
	s.Collections = progress.Collections
	if err := s.readTopology(ctx, c); err != nil {
		return nil, err
	}
	return s, s.readReady(ctx, c)
}

// readTopology asks for the server's part in a replicated set. An older server has
// no such route.
func (s *serverStatus) readTopology(ctx context.Context, c *client.Client) error {
	err := c.Get(ctx, "/api/v1/replication/status", &s.Replication)
	var answer *client.Error
	if errors.As(err, &answer) && answer.Status == http.StatusNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	s.topology = &topology{}
	if err := json.Unmarshal(s.Replication, s.topology); err != nil {
		return fmt.Errorf("%s/api/v1/replication/status: %w", c.Base(), err)
	}
	return nil
}

// readReady asks whether everything serves, and why what does not does not.
func (s *serverStatus) readReady(ctx context.Context, c *client.Client) error {
	err := c.Get(ctx, "/ready", nil)
	var answer *client.Error
	if err == nil || !errors.As(err, &answer) || answer.Status != http.StatusServiceUnavailable {
		s.Ready = err == nil
		return err
	}
	var body struct {
		Waiting []struct {
			Name   string `json:"name"`
			State  string `json:"state"`
			Reason string `json:"reason"`
		} `json:"waiting_for"`
	}
	if err := json.Unmarshal(answer.Body, &body); err != nil {
		return fmt.Errorf("%s/ready: %w", c.Base(), err)
	}
	for _, w := range body.Waiting {
		for i := range s.Collections {
			if s.Collections[i].Name == w.Name {
				s.Collections[i].Status, s.Collections[i].Reason = w.State, w.Reason
			}
		}
	}
	return nil
}
