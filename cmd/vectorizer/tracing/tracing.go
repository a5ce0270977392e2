// Package tracing makes OpenTelemetry spans of writes: one where a write comes in,
// and one, in the same trace, where a replica applies it. It is linked into the
// program and costs nothing until an endpoint is configured.
package tracing

import (
	"context"
	"time"

	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/httpapi"
)

// Options say where spans go. Endpoint is required.
type Options struct {
	Endpoint string // URL of an OTLP/HTTP receiver
	Percent  int    // of the writes without a trace that begin one
	Node     string // id of this node
	Version  string
	Logger   zerolog.Logger
}

// Tracer makes spans. Its methods may be called by any goroutine.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
}

// New starts a Tracer. Spans are sent in batches, in the background, and dropped
// when the receiver does not take them: writes never wait for it.
func New(o Options) *Tracer {
	all := resource.NewSchemaless(attribute.String("service.name", "vectorizer"),
		attribute.String("service.version", o.Version), attribute.String("service.instance.id", o.Node))
	p := sdk.NewTracerProvider(
		sdk.WithBatcher(otlptrace.NewUnstarted(&sender{url: o.Endpoint, log: o.Logger})),
		sdk.WithSampler(sdk.ParentBased(sdk.TraceIDRatioBased(float64(o.Percent)/100))),
		sdk.WithResource(all))
	return &Tracer{provider: p, tracer: p.Tracer("github.com/vectorizer-go/vectorizer")}
}

// Close sends what is left and stops.
func (t *Tracer) Close(ctx context.Context) error { return t.provider.Shutdown(ctx) }

// Begin implements httpapi.Tracer.
func (t *Tracer) Begin(traceparent, operation string, at time.Time) httpapi.Span {
	ctx := propagation.TraceContext{}.Extract(context.Background(),
		propagation.MapCarrier{"traceparent": traceparent})
	_, s := t.tracer.Start(ctx, operation, trace.WithTimestamp(at), trace.WithSpanKind(trace.SpanKindServer))
	return span{s}
}

// Applied implements node.Tracer.
func (t *Tracer) Applied(tc engine.TraceContext, offset uint64, from, to time.Time) {
	parent := trace.NewSpanContext(trace.SpanContextConfig{TraceID: tc.TraceID, SpanID: tc.SpanID,
		TraceFlags: trace.TraceFlags(tc.Flags), Remote: true})
	ctx := trace.ContextWithRemoteSpanContext(context.Background(), parent)
	_, s := t.tracer.Start(ctx, "replica apply", trace.WithTimestamp(from),
		trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithAttributes(attribute.Int64("vectorizer.offset", int64(offset)))) //nolint:gosec // far below 2^63
	s.End(trace.WithTimestamp(to))
}

// span is an httpapi.Span.
type span struct{ trace.Span }

// Context implements httpapi.Span.
func (s span) Context() engine.TraceContext {
	c := s.SpanContext()
	if !c.IsSampled() {
		return engine.TraceContext{}
	}
	return engine.TraceContext{TraceID: c.TraceID(), SpanID: c.SpanID(), Flags: byte(c.TraceFlags())}
}

// End implements httpapi.Span.
func (s span) End(err error) {
	if err != nil {
		s.SetStatus(codes.Error, err.Error())
	}
	s.Span.End()
}
