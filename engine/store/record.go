package store

import (
	"encoding/binary"
	"hash/crc32"
)

// Record is the stored form of one id. Vector and Payload alias the buffer that
// was decoded, or the caller's slices before encoding.
//
// Layout, integers little-endian:
//
//	0  u8   version = 1
//	1  u8   flags: bit 0 = has payload
//	2  u16  reserved = 0
//	4  u32  row
//	8  u64  log offset of the write that made it
//	16 i64  created, microseconds since 1970
//	24 i64  updated, microseconds since 1970
//	32 u32  vector length in floats
//	36 u32  payload length in bytes
//	40 ...  vector, payload
//	-4 u32  CRC-32C of key and everything before
type Record struct {
	Row       uint32
	Offset    uint64
	CreatedUs int64
	UpdatedUs int64
	Vector    []byte // f32 little-endian, as the user gave it
	Payload   []byte // JSON object; nil = none
}

const (
	recordVersion = 1
	recordHeader  = 40
	recordTrailer = 4
	flagPayload   = 1
)

// Size is the number of bytes of r's encoding.
func (r *Record) Size() int {
	return recordHeader + len(r.Vector) + len(r.Payload) + recordTrailer
}

// Encode writes r into dst, which has exactly Size bytes. key is the record's
// key: its bytes are part of the checksum, so a value under another key fails.
func (r *Record) Encode(dst, key []byte) {
	_ = dst[recordHeader+recordTrailer-1]
	dst[0], dst[1], dst[2], dst[3] = recordVersion, 0, 0, 0
	if r.Payload != nil {
		dst[1] = flagPayload
	}
	binary.LittleEndian.PutUint32(dst[4:], r.Row)
	binary.LittleEndian.PutUint64(dst[8:], r.Offset)
	binary.LittleEndian.PutUint64(dst[16:], uint64(r.CreatedUs))
	binary.LittleEndian.PutUint64(dst[24:], uint64(r.UpdatedUs))
	binary.LittleEndian.PutUint32(dst[32:], uint32(len(r.Vector)/4))
	binary.LittleEndian.PutUint32(dst[36:], uint32(len(r.Payload)))
	n := recordHeader
	n += copy(dst[n:], r.Vector)
	n += copy(dst[n:], r.Payload)
	binary.LittleEndian.PutUint32(dst[n:], recordCRC(key, dst[:n]))
}

// recordCRC covers the key too.
func recordCRC(key, body []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, body)
}

// DecodeRecord parses val, stored under key. The result aliases val.
// Errors: ErrCorrupt.
func DecodeRecord(key, val []byte) (Record, error) {
	if len(val) < recordHeader+recordTrailer {
		return Record{}, corrupt("record of %d bytes", len(val))
	}
	n := len(val) - recordTrailer
	if recordCRC(key, val[:n]) != binary.LittleEndian.Uint32(val[n:]) {
		return Record{}, corrupt("record checksum")
	}
	if val[0] != recordVersion {
		return Record{}, corrupt("record version %d", val[0])
	}
	dim := uint64(binary.LittleEndian.Uint32(val[32:]))
	plen := uint64(binary.LittleEndian.Uint32(val[36:]))
	if recordHeader+4*dim+plen != uint64(n) {
		return Record{}, corrupt("record of %d bytes holds %d floats and %d payload bytes",
			len(val), dim, plen)
	}
	if plen > 0 && val[1]&flagPayload == 0 {
		return Record{}, corrupt("record has %d payload bytes and no payload flag", plen)
	}
	r := Record{
		Row:       binary.LittleEndian.Uint32(val[4:]),
		Offset:    binary.LittleEndian.Uint64(val[8:]),
		CreatedUs: int64(binary.LittleEndian.Uint64(val[16:])),
		UpdatedUs: int64(binary.LittleEndian.Uint64(val[24:])),
		Vector:    val[recordHeader : recordHeader+4*dim : recordHeader+4*dim],
	}
	if val[1]&flagPayload != 0 {
		r.Payload = val[recordHeader+4*dim : n : n]
	}
	return r, nil
}
