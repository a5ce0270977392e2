// Package httpapi answers HTTP requests with an engine.Engine. It owns the route
// table, the limits, the error bodies and the metrics; what requests mean is the
// engine's.
//
// # Routes
//
// Every route exists under /api/v1, the canonical prefix, and without a prefix
// for the published clients. The table in routes*.go registers the routes and is
// what /openapi.json describes; docs/api.md is written from it. Paths are split
// before their segments are percent-decoded, so an id may hold a slash. Literal
// segments win over parameters where the literal has the method.
//
// # Bodies
//
// A body is JSON, MessagePack (application/msgpack or application/x-msgpack), or,
// where a route says so, octets (package codec has their layout). Without a
// Content-Type it is JSON. gzip and zstd bodies are unpacked. The reply has the
// form that Accept names, or that of the request; errors are JSON always.
//
// Unknown members are refused with the nearest known one. These are accepted
// without effect, because published clients send them: public_key and publicKey
// (null or empty in writes: payloads are not encrypted here), wait (a reply always
// means durable), exact in counts, and collection in a body whose path names the
// same one. embedding_provider and graph of a new collection must ask for nothing.
//
// Vectors and payloads have several names in published clients: vector, embedding
// and data; payload and metadata. A body may use any, or two that are equal, so
// what was read can be written back. JSON replies have both names of each;
// MessagePack replies have vector and payload only. Searches return payloads
// unless with_payload is false, and vectors only if with_vector is true.
//
// # Creating collections
//
// No one reply suits every published client, so its shape follows the request:
// similarity_metric asks for collection info, config for {name, config, …}, and
// otherwise it is {message, collection, name, dimension, metric}. One client fails
// on unknown keys of collection info; what is new is therefore inside size,
// quantization, normalization and indexing_status.
//
// # Errors
//
// errors.go has the one table from kind to status. Framework faults (no route,
// wrong method, broken HTTP, slow clients, limits) have the same body. Replies 429
// and 503 carry Retry-After. X-Error-Format: legacy, or the option of that name,
// gives the deprecated form {"error": text} with Deprecation and Sunset headers.
//
// # Limits
//
// fasthttp streams bodies so that a declared length sets no memory aside; it then
// leaves the size of bodies to us (body.go): a reader that stops at the limit,
// buffers that grow as bytes arrive, a budget over all requests, and a deadline
// that moves with every MiB. Connections are counted before fasthttp sees them
// (listener.go), so that refusals are JSON too.
package httpapi
