package store

import (
	"encoding/binary"
	"hash/crc32"
)

// EntryKind says what a log entry changes.
type EntryKind uint8

const (
	// EntryOps holds mutations of ids of one collection; Body is the trace that the
	// write belongs to, or nothing.
	EntryOps EntryKind = iota + 1
	// EntryCreate makes a collection; Body is its catalogue entry.
	EntryCreate
	// EntryDrop removes a collection and everything in it; Body as for EntryOps.
	EntryDrop
	// EntryConfig replaces a collection's catalogue entry (rename, description,
	// graph parameters); Body is the new one.
	EntryConfig
	// EntryEpoch begins the term of a new master; Body is the lineage.
	EntryEpoch
)

// String names the kind for people.
func (k EntryKind) String() string {
	switch k {
	case EntryOps:
		return "ops"
	case EntryCreate:
		return "create"
	case EntryDrop:
		return "drop"
	case EntryConfig:
		return "config"
	case EntryEpoch:
		return "epoch"
	}
	return "unknown"
}

// Entry is one position of the log. It is complete: applying entries in order
// to an empty node gives the same records in the same rows.
//
// Layout, integers little-endian:
//
//	0  u8   version = 1
//	1  u8   kind
//	2  u8   flags: bit 0 = chained (the next entry belongs to the same commit)
//	3  u8   reserved = 0
//	4  u32  collection
//	8  u64  offset
//	16 u64  epoch
//	24 i64  time, microseconds since 1970
//	32 u64  rolling checksum of the log up to and including this entry
//	40 u32  number of ops
//	44 u32  body length
//	48 ...  ops (see EntryOp), then body
//	-4 u32  CRC-32C of everything before
type Entry struct {
	Kind    EntryKind
	Chained bool
	Coll    uint32
	Offset  uint64
	Epoch   uint64
	TimeUs  int64
	Rolling uint64
	OpCount int
	ops     []byte // encoded ops, walked with Ops
	Body    []byte
}

// EntryOp is the effect of one op, not the request: what the record is after.
//
//	0  u8   flags: deleted, vector, payload, payload changed
//	1  u8   id length - 1 (ids have 1..256 bytes)
//	2  u16  reserved = 0
//	4  u32  row
//	8  u32  row held before, NoRow if the id was absent
//	12 u32  vector length in floats
//	16 u32  payload length in bytes
//	20 ...  id, vector, payload
type EntryOp struct {
	ID         []byte
	Row        uint32
	Prev       uint32 // row held before; NoRow = the id was absent
	Deleted    bool
	HasVector  bool   // false: the vector stays as it was
	HasPayload bool   // false: the payload stays as it was
	Vector     []byte // f32 little-endian
	Payload    []byte // nil with HasPayload: the payload is removed
}

// NoRow marks the absence of a row.
const NoRow = ^uint32(0)

const (
	entryVersion = 1
	entryHeader  = 48
	entryTrailer = 4
	opHeader     = 20

	flagChained = 1

	opDeleted  = 1
	opVector   = 2
	opPayload  = 4
	opHasBytes = 8 // the payload is present, maybe empty
)

// EntryBuilder encodes one entry. The zero value is ready; Reset reuses memory.
type EntryBuilder struct {
	buf []byte
	n   uint32
}

// Reset starts an entry of e's kind, collection, offset, epoch and time.
func (b *EntryBuilder) Reset(e *Entry) {
	if cap(b.buf) < entryHeader {
		b.buf = make([]byte, 0, 4096)
	}
	b.buf = b.buf[:entryHeader]
	clear(b.buf)
	b.buf[0], b.buf[1] = entryVersion, byte(e.Kind)
	if e.Chained {
		b.buf[2] = flagChained
	}
	binary.LittleEndian.PutUint32(b.buf[4:], e.Coll)
	binary.LittleEndian.PutUint64(b.buf[8:], e.Offset)
	binary.LittleEndian.PutUint64(b.buf[16:], e.Epoch)
	binary.LittleEndian.PutUint64(b.buf[24:], uint64(e.TimeUs))
	b.n = 0
}

// Add appends op.
func (b *EntryBuilder) Add(op *EntryOp) {
	var h [opHeader]byte
	if op.Deleted {
		h[0] |= opDeleted
	}
	if op.HasVector {
		h[0] |= opVector
	}
	if op.HasPayload {
		h[0] |= opPayload
	}
	if op.Payload != nil {
		h[0] |= opHasBytes
	}
	h[1] = byte(len(op.ID) - 1)
	binary.LittleEndian.PutUint32(h[4:], op.Row)
	binary.LittleEndian.PutUint32(h[8:], op.Prev)
	binary.LittleEndian.PutUint32(h[12:], uint32(len(op.Vector)/4))
	binary.LittleEndian.PutUint32(h[16:], uint32(len(op.Payload)))
	b.buf = append(b.buf, h[:]...)
	b.buf = append(b.buf, op.ID...)
	b.buf = append(b.buf, op.Vector...)
	b.buf = append(b.buf, op.Payload...)
	b.n++
}

// Count is the number of ops added.
func (b *EntryBuilder) Count() int { return int(b.n) }

// SetChained marks the entry as continued by the next one of the same commit.
func (b *EntryBuilder) SetChained() { b.buf[2] |= flagChained }

// Finish appends body, folds the entry into the rolling checksum and returns
// the encoding, valid until the next Reset, with the new rolling checksum.
func (b *EntryBuilder) Finish(body []byte, rolling uint64) ([]byte, uint64) {
	b.buf = append(b.buf, body...)
	binary.LittleEndian.PutUint32(b.buf[40:], b.n)
	binary.LittleEndian.PutUint32(b.buf[44:], uint32(len(body)))
	rolling = Roll(rolling, crc32.Checksum(b.buf, castagnoli))
	binary.LittleEndian.PutUint64(b.buf[32:], rolling)
	sum := crc32.Checksum(b.buf, castagnoli)
	b.buf = binary.LittleEndian.AppendUint32(b.buf, sum)
	return b.buf, rolling
}

// Roll folds the checksum of one entry into the checksum of the log before it.
// Two nodes whose logs differ anywhere before a position differ in it there
// (but for a chance of 2^-64). The mix is the finaliser of SplitMix64.
func Roll(rolling uint64, entry uint32) uint64 {
	z := rolling + 0x9e3779b97f4a7c15 ^ uint64(entry)<<17
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// EntryRolls reports whether val, a decoded entry's bytes, carries the rolling
// checksum that follows from prev.
func EntryRolls(val []byte, prev uint64) bool {
	var zero [8]byte
	n := len(val) - entryTrailer
	if n < entryHeader {
		return false
	}
	sum := crc32.Checksum(val[:32], castagnoli)
	sum = crc32.Update(sum, castagnoli, zero[:])
	sum = crc32.Update(sum, castagnoli, val[40:n])
	return Roll(prev, sum) == binary.LittleEndian.Uint64(val[32:])
}

// EntryColl returns the collection and kind of an encoded entry without checking
// the rest. Errors: ErrCorrupt when it is too short.
func EntryColl(val []byte) (coll uint32, kind EntryKind, ops int, err error) {
	if len(val) < entryHeader+entryTrailer {
		return 0, 0, 0, corrupt("log entry of %d bytes", len(val))
	}
	return binary.LittleEndian.Uint32(val[4:]), EntryKind(val[1]),
		int(binary.LittleEndian.Uint32(val[40:])), nil
}

// EntryStamp returns the epoch and time of an encoded entry that EntryColl accepted.
func EntryStamp(val []byte) (epoch uint64, timeUs int64) {
	return binary.LittleEndian.Uint64(val[16:]), int64(binary.LittleEndian.Uint64(val[24:]))
}

// EntryOffset returns the offset of an encoded entry that EntryColl accepted.
func EntryOffset(val []byte) uint64 { return binary.LittleEndian.Uint64(val[8:]) }

// EntryBody returns the body of an encoded entry that EntryColl accepted, nil if its
// length makes no sense.
func EntryBody(val []byte) []byte {
	n := len(val) - entryTrailer
	body := uint64(binary.LittleEndian.Uint32(val[44:]))
	if body > uint64(n-entryHeader) {
		return nil
	}
	return val[n-int(body) : n : n]
}

// DecodeEntry parses and checks a whole entry, every op included. The result
// aliases val. Errors: ErrCorrupt.
func DecodeEntry(val []byte) (Entry, error) {
	if len(val) < entryHeader+entryTrailer {
		return Entry{}, corrupt("log entry of %d bytes", len(val))
	}
	n := len(val) - entryTrailer
	if crc32.Checksum(val[:n], castagnoli) != binary.LittleEndian.Uint32(val[n:]) {
		return Entry{}, corrupt("log entry checksum")
	}
	if val[0] != entryVersion {
		return Entry{}, corrupt("log entry version %d", val[0])
	}
	e := Entry{
		Kind:    EntryKind(val[1]),
		Chained: val[2]&flagChained != 0,
		Coll:    binary.LittleEndian.Uint32(val[4:]),
		Offset:  binary.LittleEndian.Uint64(val[8:]),
		Epoch:   binary.LittleEndian.Uint64(val[16:]),
		TimeUs:  int64(binary.LittleEndian.Uint64(val[24:])),
		Rolling: binary.LittleEndian.Uint64(val[32:]),
		OpCount: int(binary.LittleEndian.Uint32(val[40:])),
	}
	if e.Kind < EntryOps || e.Kind > EntryEpoch {
		return Entry{}, corrupt("log entry kind %d", val[1])
	}
	body := uint64(binary.LittleEndian.Uint32(val[44:]))
	if body > uint64(n-entryHeader) {
		return Entry{}, corrupt("log entry body of %d bytes", body)
	}
	e.ops = val[entryHeader : n-int(body)]
	e.Body = val[n-int(body) : n : n]
	rest, count := e.ops, 0
	for ; len(rest) > 0; count++ {
		var op EntryOp
		var err error
		if rest, err = decodeOp(rest, &op); err != nil {
			return Entry{}, err
		}
	}
	if count != e.OpCount {
		return Entry{}, corrupt("log entry of %d ops holds %d", e.OpCount, count)
	}
	return e, nil
}

// Ops calls fn for each op in order until it returns false. The entry was
// checked by DecodeEntry, so nothing can fail. op is reused between calls.
func (e *Entry) Ops(fn func(op *EntryOp) bool) {
	var op EntryOp
	for rest := e.ops; len(rest) > 0; {
		var err error
		if rest, err = decodeOp(rest, &op); err != nil {
			panic("BUG: entry changed after it was checked: " + err.Error())
		}
		if !fn(&op) {
			return
		}
	}
}

// decodeOp parses the op at the start of b and returns what follows it.
func decodeOp(b []byte, op *EntryOp) ([]byte, error) {
	if len(b) < opHeader {
		return nil, corrupt("log op of %d bytes", len(b))
	}
	idLen := uint64(b[1]) + 1
	vecLen := 4 * uint64(binary.LittleEndian.Uint32(b[12:]))
	payLen := uint64(binary.LittleEndian.Uint32(b[16:]))
	if opHeader+idLen+vecLen+payLen > uint64(len(b)) {
		return nil, corrupt("log op of %d bytes needs %d", len(b), opHeader+idLen+vecLen+payLen)
	}
	if payLen > 0 && b[0]&opHasBytes == 0 {
		return nil, corrupt("log op has %d payload bytes and no payload flag", payLen)
	}
	*op = EntryOp{
		Row:        binary.LittleEndian.Uint32(b[4:]),
		Prev:       binary.LittleEndian.Uint32(b[8:]),
		Deleted:    b[0]&opDeleted != 0,
		HasVector:  b[0]&opVector != 0,
		HasPayload: b[0]&opPayload != 0,
	}
	b2 := b[opHeader:]
	op.ID, b2 = b2[:idLen:idLen], b2[idLen:]
	op.Vector, b2 = b2[:vecLen:vecLen], b2[vecLen:]
	if b[0]&opHasBytes != 0 {
		op.Payload = b2[:payLen:payLen]
	}
	return b2[payLen:], nil
}
