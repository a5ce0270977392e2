// Package client is what the importers, the demo and the benchmarks say to a
// server besides searches: create, describe and delete collections, wait for
// their index.
package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/vectorizer-go/vectorizer/bench/load"
	"github.com/vectorizer-go/vectorizer/bench/wire"
)

// Client talks to one server over one connection. It is for one goroutine.
type Client struct {
	addr  string
	conn  *load.Conn
	retry Retrier
}

// New returns a client of the server at addr, host:port.
func New(addr string) *Client {
	return &Client{addr: addr, conn: load.NewConn(addr, time.Minute),
		retry: Retrier{Patience: 10 * time.Second}}
}

// HostPort takes the address out of a URL or host:port. Only plain http without
// a path can be measured and imported to.
func HostPort(address string) (string, error) {
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" || u.Host == "" || strings.Trim(u.Path, "/") != "" {
		return "", fmt.Errorf("server address %q: expected host:port or http://host:port", address)
	}
	if u.Port() == "" {
		return u.Host + ":80", nil
	}
	return u.Host, nil
}

// Addr is the server's host:port.
func (c *Client) Addr() string { return c.addr }

// Close closes the connection.
func (c *Client) Close() error { return c.conn.Close() }

// Do sends in as JSON and decodes the answer into out; either may be nil. It is
// tried again while the server is busy. Errors as of Retrier.Do.
func (c *Client) Do(ctx context.Context, method, path string, in, out any) error {
	req := load.Request{Method: method, Host: c.addr, Path: path}
	if in != nil {
		body, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("encode request: %w", err)
		}
		req.Body, req.ContentType = body, "application/json"
	}
	a, err := c.retry.Do(ctx, c.conn, req.Bytes())
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(a.Body, out); err != nil {
		return fmt.Errorf("%s %s: the answer is not what a vectorizer server says: %w",
			method, path, err)
	}
	return nil
}

// Collection says how to create a collection. Zero fields take the server's
// defaults.
type Collection struct {
	Name      string `json:"name"`
	Dimension int    `json:"dimension"`
	Metric    string `json:"metric"`
	HNSW      HNSW   `json:"hnsw"`
}

// HNSW is the graph's parameters.
type HNSW struct {
	M              int `json:"m,omitempty"`
	EfConstruction int `json:"ef_construction,omitempty"`
	EfSearch       int `json:"ef_search,omitempty"`
}

// Info is what a server says of a collection.
type Info struct {
	Name        string `json:"name"`
	Dimension   int    `json:"dimension"`
	Metric      string `json:"similarity_metric"`
	VectorCount int64  `json:"vector_count"`
	Status      string `json:"status"`
	CreatedAt   string `json:"created_at"`
	Size        struct {
		Memory Memory `json:"memory"`
	} `json:"size"`
	Indexing struct {
		Pending int  `json:"pending"`
		Deleted int  `json:"deleted_pending_repair"`
		HNSW    HNSW `json:"hnsw"`
	} `json:"indexing_status"`
}

// Memory is what a collection holds, in bytes.
type Memory struct {
	Vectors  int64 `json:"vectors_bytes"`
	Links    int64 `json:"links_bytes"`
	Codes    int64 `json:"codes_bytes"`
	IDs      int64 `json:"ids_bytes"`
	Payload  int64 `json:"payload_index_bytes"`
	Other    int64 `json:"other_bytes"`
	Mapped   int64 `json:"mapped_bytes"`
	DiskRecs int64 `json:"disk_bytes"`
}

// Create creates a collection.
func (c *Client) Create(ctx context.Context, col Collection) error {
	return c.Do(ctx, "POST", wire.Prefix+"/collections", col, nil)
}

// Delete deletes a collection.
func (c *Client) Delete(ctx context.Context, name string) error {
	return c.Do(ctx, "DELETE", wire.CollectionPath(name, ""), nil, nil)
}

// Info describes a collection.
func (c *Client) Info(ctx context.Context, name string) (Info, error) {
	var i Info
	err := c.Do(ctx, "GET", wire.CollectionPath(name, ""), nil, &i)
	return i, err
}

// pollPause is how often a state is asked for.
const pollPause = 20 * time.Millisecond

// WaitIndexed returns when every row of a collection is linked and repaired.
// progress, when not nil, is called with what is outstanding.
func (c *Client) WaitIndexed(ctx context.Context, name string, progress func(pending int)) error {
	for {
		i, err := c.Info(ctx, name)
		if err != nil {
			return err
		}
		pending := i.Indexing.Pending + i.Indexing.Deleted
		if progress != nil {
			progress(pending)
		}
		if pending == 0 && i.Status == "ready" {
			return nil
		}
		if err := sleep(ctx, pollPause); err != nil {
			return err
		}
	}
}

// WaitReady returns when /ready answers 200.
func (c *Client) WaitReady(ctx context.Context) error {
	req := load.Request{Method: "GET", Host: c.addr, Path: "/ready"}
	for {
		a, err := c.conn.Do(ctx, req.Bytes())
		if err == nil && a.Status == 200 {
			return nil
		}
		if err := sleep(ctx, pollPause); err != nil {
			return err
		}
	}
}
