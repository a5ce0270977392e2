package store

import "encoding/binary"

// Key layouts. All integers in keys are big-endian, so byte order is numeric
// order. c is a collection's stable number, never reused, so a rename touches
// one key and a deletion is two range tombstones.
//
//	m identity          node id, history id, format (JSON)
//	m applied           offset, epoch, rolling checksum of the last commit
//	m nextcoll          number of the next collection
//	m lineage           branches of the history (JSON); absent before a promotion
//	c <c:4>             catalogue entry: configuration and times (JSON)
//	r <c:4> <id>        record: row, offset, times, vector, payload
//	l <offset:8>        log entry
//	i <c:4>             manifest of the collection's image (JSON)
const (
	spaceMeta   = 'm'
	spaceColl   = 'c'
	spaceRecord = 'r'
	spaceLog    = 'l'
	spaceImage  = 'i'
)

// The keys of the meta space.
var (
	keyIdentity = []byte("midentity")
	keyApplied  = []byte("mapplied")
	keyNextColl = []byte("mnextcoll")
	keyLineage  = []byte("mlineage")
)

// KeyLineage is the key of the list of branches.
func KeyLineage() []byte { return keyLineage }

// AppendRecordKey appends the key of id's record in collection coll to dst.
func AppendRecordKey(dst []byte, coll uint32, id string) []byte {
	dst = append(dst, spaceRecord)
	dst = binary.BigEndian.AppendUint32(dst, coll)
	return append(dst, id...)
}

// RecordID returns the id inside a record key.
func RecordID(key []byte) []byte { return key[5:] }

// RecordColl returns the collection number inside a record key.
func RecordColl(key []byte) uint32 { return binary.BigEndian.Uint32(key[1:5]) }

// RecordBounds returns the range [lo, hi) of every record of coll.
func RecordBounds(coll uint32) (lo, hi []byte) {
	lo = AppendRecordKey(nil, coll, "")
	if coll == ^uint32(0) {
		return lo, []byte{spaceRecord + 1}
	}
	return lo, AppendRecordKey(nil, coll+1, "")
}

// AllRecordBounds returns the range [lo, hi) of every record of every collection.
func AllRecordBounds() (lo, hi []byte) {
	return []byte{spaceRecord}, []byte{spaceRecord + 1}
}

// AppendLogKey appends the key of the log entry at offset to dst.
func AppendLogKey(dst []byte, offset uint64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, spaceLog), offset)
}

// LogOffset returns the offset inside a log key.
func LogOffset(key []byte) uint64 { return binary.BigEndian.Uint64(key[1:9]) }

// LogBounds returns the range of log entries with offsets in [from, to); a to
// of 0 means no end.
func LogBounds(from, to uint64) (lo, hi []byte) {
	if to == 0 {
		return AppendLogKey(nil, from), []byte{spaceLog + 1}
	}
	return AppendLogKey(nil, from), AppendLogKey(nil, to)
}

// CollKey returns the key of coll's catalogue entry.
func CollKey(coll uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{spaceColl}, coll)
}

// ImageKey returns the key of coll's image manifest.
func ImageKey(coll uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{spaceImage}, coll)
}

// numberedBounds returns the range of a space whose keys are space + number.
func numberedBounds(space byte) (lo, hi []byte) {
	return []byte{space}, []byte{space + 1}
}

// keyNumber returns the number in a catalogue or manifest key.
func keyNumber(key []byte) (uint32, bool) {
	if len(key) != 5 {
		return 0, false
	}
	return binary.BigEndian.Uint32(key[1:]), true
}
