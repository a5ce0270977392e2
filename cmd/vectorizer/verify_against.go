package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/vectorizer-go/vectorizer/cmd/vectorizer/client"
)

// comparison is what verify --against finds.
type comparison struct {
	A          string `json:"url"`
	B          string `json:"against"`
	Equal      bool   `json:"equal"`
	Difference string `json:"first_difference,omitempty"`
	Position   string `json:"position"` // epoch:offset:checksum of both logs, when they agree
	Records    int    `json:"records"`  // compared
}

// nodePosition is the part of GET /replication/status that says where a node is.
type nodePosition struct {
	HistoryID string `json:"history_id"`
	Position  struct {
		Epoch   uint64 `json:"epoch"`
		Offset  uint64 `json:"offset"`
		Rolling string `json:"rolling"`
	} `json:"position"`
}

func (p *nodePosition) String() string {
	return fmt.Sprintf("%d:%d:%s", p.Position.Epoch, p.Position.Offset, p.Position.Rolling)
}

// comparer compares two running servers.
type comparer struct {
	a, b *client.Client
	wait time.Duration // for both to be at the same position
	out  comparison
}

// run compares first the logs by their checksums, then everything that reads show.
func (c *comparer) run(ctx context.Context) (*comparison, error) {
	c.out.A, c.out.B = c.a.Base(), c.b.Base()
	diff, err := c.positions(ctx)
	if err == nil && diff == "" {
		diff, err = c.collections(ctx)
	}
	c.out.Equal, c.out.Difference = err == nil && diff == "", diff
	return &c.out, err
}

// positions waits until both logs end at the same offset, and compares checksums.
func (c *comparer) positions(ctx context.Context) (string, error) {
	deadline := time.Now().Add(c.wait)
	for {
		var a, b nodePosition
		if err := c.a.Get(ctx, "/api/v1/replication/status", &a); err != nil {
			return "", serverError(err)
		}
		if err := c.b.Get(ctx, "/api/v1/replication/status", &b); err != nil {
			return "", serverError(err)
		}
		switch {
		case a.HistoryID != b.HistoryID:
			return fmt.Sprintf("history %s and %s", a.HistoryID, b.HistoryID), nil
		case a.Position == b.Position:
			c.out.Position = a.String()
			return "", nil
		case a.Position.Offset == b.Position.Offset:
			return fmt.Sprintf("checksum of the log at offset %d: %s and %s", a.Position.Offset, &a, &b), nil
		case time.Now().After(deadline):
			return fmt.Sprintf("end of the log: offset %d and %d", a.Position.Offset, b.Position.Offset), nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

// comparedCollection is what two nodes must agree on of a collection.
type comparedCollection struct {
	Name      string `json:"name"`
	Dimension int    `json:"dimension"`
	Metric    string `json:"metric"`
	Count     int    `json:"vector_count"`
	Created   string `json:"created_at"`
}

// collections compares the lists, then the records of each.
func (c *comparer) collections(ctx context.Context) (string, error) {
	var a, b struct {
		Collections []comparedCollection `json:"collections"`
	}
	if err := errors.Join(c.a.Get(ctx, "/api/v1/collections", &a),
		c.b.Get(ctx, "/api/v1/collections", &b)); err != nil {
		return "", serverError(err)
	}
	for i := range max(len(a.Collections), len(b.Collections)) {
		switch {
		case i >= len(a.Collections):
			return fmt.Sprintf("collection %s is only at %s", b.Collections[i].Name, c.out.B), nil
		case i >= len(b.Collections):
			return fmt.Sprintf("collection %s is only at %s", a.Collections[i].Name, c.out.A), nil
		case a.Collections[i] != b.Collections[i]:
			return fmt.Sprintf("collection %+v and %+v", a.Collections[i], b.Collections[i]), nil
		}
	}
	for _, coll := range a.Collections {
		if diff, err := c.records(ctx, coll.Name); diff != "" || err != nil {
			return diff, err
		}
	}
	return "", nil
}

// scrolled is one page of records.
type scrolled struct {
	Vectors []scrolledRecord `json:"vectors"`
	Next    *string          `json:"next_cursor"`
}

type scrolledRecord struct {
	ID      string          `json:"id"`
	Vector  []float32       `json:"vector"`
	Payload json.RawMessage `json:"payload"`
}

func (r *scrolledRecord) equal(o *scrolledRecord) bool {
	return r.ID == o.ID && slices.Equal(r.Vector, o.Vector) && string(r.Payload) == string(o.Payload)
}

// comparePage is how many records are asked for at once.
const comparePage = 500

// records compares the records of one collection in ascending order of id.
func (c *comparer) records(ctx context.Context, coll string) (string, error) {
	path := "/api/v1/collections/" + url.PathEscape(coll) + "/vectors/scroll"
	cursor := ""
	for {
		ask := map[string]any{"limit": comparePage, "with_vector": true, "with_payload": true}
		if cursor != "" {
			ask["cursor"] = cursor
		}
		var a, b scrolled
		if err := errors.Join(c.a.Post(ctx, path, ask, &a), c.b.Post(ctx, path, ask, &b)); err != nil {
			return "", serverError(err)
		}
		for i := range max(len(a.Vectors), len(b.Vectors)) {
			switch {
			case i >= len(a.Vectors):
				return fmt.Sprintf("record %s/%s is only at %s", coll, b.Vectors[i].ID, c.out.B), nil
			case i >= len(b.Vectors) || a.Vectors[i].ID < b.Vectors[i].ID:
				return fmt.Sprintf("record %s/%s is only at %s", coll, a.Vectors[i].ID, c.out.A), nil
			case a.Vectors[i].ID > b.Vectors[i].ID:
				return fmt.Sprintf("record %s/%s is only at %s", coll, b.Vectors[i].ID, c.out.B), nil
			case !a.Vectors[i].equal(&b.Vectors[i]):
				return fmt.Sprintf("record %s/%s differs", coll, a.Vectors[i].ID), nil
			}
			c.out.Records++
		}
		if a.Next == nil {
			return "", nil
		}
		cursor = *a.Next
	}
}

// verifyServers compares the server of flags with the one at against.
func verifyServers(ctx context.Context, a *app, first *client.Client, against string, wait time.Duration) (
	*comparison, error,
) {
	second, err := client.New(against, wait)
	if err != nil {
		return nil, withCode(exitUsage, fmt.Errorf("--against: %w", err))
	}
	defer second.Close()
	ctx, restore := a.interruptible(ctx)
	defer restore()
	return (&comparer{a: first, b: second, wait: wait}).run(ctx)
}

// reportComparison prints the outcome and makes a difference an error.
func reportComparison(a *app, r *comparison, asJSON, quiet bool) error {
	var err error
	switch {
	case quiet:
	case asJSON:
		err = a.reportTo("").Encode(r)
	case r.Equal:
		_, err = fmt.Fprintf(a.out, "equal: position %s, %s compared\n", r.Position, plural(r.Records, "record"))
	default:
		_, err = fmt.Fprintf(a.out, "first difference: %s\n", printable(r.Difference))
	}
	if err != nil || r.Equal {
		return err
	}
	return withCode(exitVerify, fmt.Errorf("%s and %s differ: %s", r.A, r.B, printable(r.Difference)))
}
