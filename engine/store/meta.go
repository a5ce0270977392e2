package store

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/cockroachdb/pebble/v2"
)

// seal appends the CRC-32C of key and body to body: small JSON values are
// checked like everything else.
func seal(key, body []byte) []byte {
	return binary.LittleEndian.AppendUint32(body, recordCRC(key, body))
}

// unseal checks and strips what seal added. Errors: ErrCorrupt.
func unseal(key, val []byte) ([]byte, error) {
	n := len(val) - 4
	if n < 0 || recordCRC(key, val[:n]) != binary.LittleEndian.Uint32(val[n:]) {
		return nil, corrupt("checksum of key %q", key)
	}
	return val[:n], nil
}

// PutJSON adds v as checked JSON under key to b.
func PutJSON(b *pebble.Batch, key []byte, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode %q: %w", key, err)
	}
	return b.Set(key, seal(key, body), nil)
}

// GetJSON reads what PutJSON wrote. Errors: ErrNotFound, ErrCorrupt.
func (s *Store) GetJSON(key []byte, v any) error {
	val, c, err := s.Get(key)
	if err != nil {
		return err
	}
	defer c.Close()
	return DecodeJSON(key, val, v)
}

// DecodeJSON parses a value that PutJSON wrote under key. Errors: ErrCorrupt.
func DecodeJSON(key, val []byte, v any) error {
	body, err := unseal(key, val)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, v); err != nil {
		return corrupt("json of key %q: %v", key, err)
	}
	return nil
}

// Identity says whose data this is. It never changes but for Epoch.
type Identity struct {
	NodeID    string `json:"node_id"`    // UUID of this copy
	HistoryID string `json:"history_id"` // UUID of the sequence of writes
	Format    int    `json:"format"`
	CreatedUs int64  `json:"created_us"`
}

// Identity reads the identity. Errors: ErrNotFound, ErrCorrupt.
func (s *Store) Identity() (Identity, error) {
	var id Identity
	err := s.GetJSON(keyIdentity, &id)
	return id, err
}

// PutIdentity adds id to b.
func PutIdentity(b *pebble.Batch, id Identity) error { return PutJSON(b, keyIdentity, id) }

// PutNextColl records the number of the next collection.
func PutNextColl(b *pebble.Batch, next uint32) error {
	v := binary.LittleEndian.AppendUint32(nil, next)
	v = binary.LittleEndian.AppendUint32(v, crc32.Checksum(v, castagnoli))
	return b.Set(keyNextColl, v, nil)
}

// NextColl returns the number of the next collection, from 1 on.
// Errors: ErrCorrupt.
func (s *Store) NextColl() (uint32, error) {
	v, c, err := s.Get(keyNextColl)
	if errors.Is(err, ErrNotFound) {
		return 1, nil
	}
	if err != nil {
		return 0, err
	}
	defer c.Close()
	if len(v) != 8 || crc32.Checksum(v[:4], castagnoli) != binary.LittleEndian.Uint32(v[4:]) {
		return 0, corrupt("next collection number")
	}
	return binary.LittleEndian.Uint32(v), nil
}

// Catalogue calls fn for every collection's number and raw entry (key and value
// for DecodeJSON), in ascending number, until fn fails.
func (s *Store) Catalogue(fn func(coll uint32, key, val []byte) error) error {
	return s.numbered(spaceColl, fn)
}

// Images is Catalogue for image manifests.
func (s *Store) Images(fn func(coll uint32, key, val []byte) error) error {
	return s.numbered(spaceImage, fn)
}

func (s *Store) numbered(space byte, fn func(coll uint32, key, val []byte) error) (err error) {
	lo, hi := numberedBounds(space)
	it, err := s.Iter(lo, hi)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, mapError(it.Close())) }()
	for ok := it.First(); ok; ok = it.Next() {
		n, ok := keyNumber(it.Key())
		if !ok {
			return corrupt("key %q", it.Key())
		}
		if err := fn(n, it.Key(), it.Value()); err != nil {
			return err
		}
	}
	return IterError(it)
}
