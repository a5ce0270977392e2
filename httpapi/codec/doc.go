// Package codec turns request bodies into values and results into reply bodies,
// without reflection and, on the search path, without allocation. JSON and
// MessagePack share one Decoder and one Encoder, so each body is described
// once; the octet forms are in octets.go.
//
// Slices that a Decoder returns alias the body or the Decoder's own buffers and
// are valid until its next Reset. Every failure is an *errs.Error that names the
// field by its path (vectors[3].embedding), what was expected and what was given.
package codec
