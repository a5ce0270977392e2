// Package store is the bytes on disk: one Pebble per node, with every key
// layout (keys.go), the record codec (record.go) and the log-entry codec
// (entry.go). Store is a concrete type; tests put another file system under it.
//
// It owns no policy: which keys form one commit is the engine's decision.
package store
