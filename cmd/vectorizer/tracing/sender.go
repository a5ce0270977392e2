package tracing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"

	"github.com/rs/zerolog"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// sender posts spans as OTLP over HTTP has them (protobuf). The ready-made client
// of OpenTelemetry does the same and brings gRPC along, 90 packages; this is the
// part of it that is needed.
type sender struct {
	url    string
	log    zerolog.Logger
	web    http.Client
	failed atomic.Bool // the last batch was not taken
}

// Start implements otlptrace.Client.
func (s *sender) Start(context.Context) error { return nil }

// Stop implements otlptrace.Client.
func (s *sender) Stop(context.Context) error {
	s.web.CloseIdleConnections()
	return nil
}

// UploadTraces implements otlptrace.Client. The caller bounds the time. What is not
// taken is dropped, and said once until it works again.
func (s *sender) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	err := s.post(ctx, spans)
	if err != nil && !s.failed.Swap(true) {
		s.log.Warn().Err(err).Str("endpoint", s.url).Msg("spans are dropped")
	}
	if err == nil && s.failed.Swap(false) {
		s.log.Info().Str("endpoint", s.url).Msg("spans are taken again")
	}
	return nil
}

func (s *sender) post(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	// TracesData has the encoding of ExportTraceServiceRequest.
	body, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: spans})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	res, err := s.web.Do(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20))
	if err = errors.Join(err, res.Body.Close()); err != nil {
		return err
	}
	if res.StatusCode >= 300 {
		return fmt.Errorf("status %d", res.StatusCode)
	}
	return nil
}
