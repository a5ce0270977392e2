package bulk

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/vectorizer-go/vectorizer/bench/client"
	"github.com/vectorizer-go/vectorizer/bench/load"
	"github.com/vectorizer-go/vectorizer/bench/rowio"
	"github.com/vectorizer-go/vectorizer/bench/wire"
)

// ExportOptions say what to read.
type ExportOptions struct {
	Addr       string // host:port of the server
	Collection string
	PageRows   int             // rows per request; 0 = 500
	Filter     json.RawMessage // nil = all
	Timeout    time.Duration   // of one request; 0 = 60 s
	// Written, when not nil, is called with the number of rows written so far.
	Written func(rows int64)
}

// page is an answer to a scroll.
type page struct {
	Vectors []struct {
		ID      string          `json:"id"`
		Vector  []float32       `json:"vector"`
		Payload json.RawMessage `json:"payload"`
	} `json:"vectors"`
	Next *string `json:"next_cursor"`
}

// Export writes every record of a collection to w in ascending order of id and
// returns how many. Records written meanwhile may or may not be among them. The
// caller commits w.
func Export(ctx context.Context, w rowio.Writer, o ExportOptions) (int64, error) {
	if o.PageRows == 0 {
		o.PageRows = 500
	}
	if o.Timeout == 0 {
		o.Timeout = time.Minute
	}
	conn := load.NewConn(o.Addr, o.Timeout)
	defer func() { _ = conn.Close() }()
	rows, cursor := int64(0), ""
	for {
		p, err := readPage(ctx, conn, &o, cursor)
		if err != nil {
			return rows, err
		}
		for _, v := range p.Vectors {
			row := rowio.Row{ID: v.ID, Vector: v.Vector}
			if string(v.Payload) != "null" {
				row.Payload = v.Payload
			}
			if err := w.Write(&row); err != nil {
				return rows, err
			}
			rows++
		}
		if o.Written != nil {
			o.Written(rows)
		}
		if p.Next == nil {
			return rows, nil
		}
		if *p.Next == cursor {
			return rows, fmt.Errorf("the server gave the cursor %q twice", cursor)
		}
		cursor = *p.Next
	}
}

func readPage(ctx context.Context, conn *load.Conn, o *ExportOptions, cursor string) (*page, error) {
	body, err := json.Marshal(struct {
		Limit      int             `json:"limit"`
		Cursor     string          `json:"cursor,omitempty"`
		Filter     json.RawMessage `json:"filter,omitempty"`
		WithVector bool            `json:"with_vector"`
	}{o.PageRows, cursor, o.Filter, true})
	if err != nil {
		return nil, err
	}
	req := load.Request{Method: "POST", Host: o.Addr, ContentType: "application/json", Body: body,
		Path: wire.CollectionPath(o.Collection, "/vectors/scroll")}
	retry := client.Retrier{Patience: time.Minute}
	answer, err := retry.Do(ctx, conn, req.Bytes())
	if err != nil {
		return nil, err
	}
	p := new(page)
	if err := json.Unmarshal(answer.Body, p); err != nil {
		return nil, fmt.Errorf("the answer is not what a vectorizer server says: %w", err)
	}
	return p, nil
}
