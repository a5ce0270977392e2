package codec

import (
	"encoding/binary"
	"errors"
	"io"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/errs"
)

// The octet forms are little-endian and have no padding.
//
// Bulk upsert, 32 bytes and then rows:
//
//	0  "VZB1"
//	4  u16 version, 1
//	6  u16 flags: BulkIDs, BulkPayloads, BulkInsert
//	8  u32 dimension
//	12 u32 zero
//	16 u64 count of rows
//	24 u64 first id; row i without BulkIDs has the decimal id first+i
//	row: [u16 length, id in UTF-8] f32 × dimension [u32 length, payload as JSON]
//
// A payload of length 0 is none. Batch search, 32 bytes and then queries:
//
//	0  "VZQ1"
//	4  u16 version, 1
//	6  u16 flags: QueryExact
//	8  u32 dimension
//	12 u32 count of queries
//	16 u32 k
//	20 u32 ef, 0 = the collection's
//	24 u32 time limit in milliseconds, 0 = the server's
//	28 u32 zero
//	query: f32 × dimension
//
// Its reply, 12 bytes and then results:
//
//	0  "VZR1"
//	4  u16 version, 1
//	6  u16 zero
//	8  u32 count of results, one per query in order
//	result: u32 count of hits; hit: u16 length, id in UTF-8, f32 score
//	failed result: u32 0xFFFFFFFF, u16 length, message in UTF-8
const (
	bulkMagic     = "VZB1"
	queryMagic    = "VZQ1"
	replyMagic    = "VZR1"
	octetsVersion = 1
	octetsHead    = 32
	failedResult  = math.MaxUint32
)

// Flags of a bulk upsert.
const (
	BulkIDs      = 1 << iota // rows carry their ids
	BulkPayloads             // rows carry payloads
	BulkInsert               // present ids fail instead of being replaced
)

// QueryExact asks for a scan instead of the graph.
const QueryExact = 1

// BulkHead is the head of a bulk upsert.
type BulkHead struct {
	Flags     uint16
	Dimension int
	Count     uint64
	FirstID   uint64
}

// BulkReader reads the rows of a bulk upsert as they arrive.
type BulkReader struct {
	Head BulkHead
	src  io.Reader
	row  uint64
	text []byte
	raw  []byte
}

// NewBulkReader reads the head from src.
func NewBulkReader(src io.Reader) (*BulkReader, error) {
	r := &BulkReader{src: src}
	var b [octetsHead]byte
	if err := r.fill(b[:]); err != nil {
		return nil, err
	}
	if err := checkHead(b[:], bulkMagic); err != nil {
		return nil, err
	}
	u := binary.LittleEndian
	r.Head = BulkHead{Flags: u.Uint16(b[6:]), Dimension: int(u.Uint32(b[8:])),
		Count: u.Uint64(b[16:]), FirstID: u.Uint64(b[24:])}
	switch {
	case r.Head.Flags&^(BulkIDs|BulkPayloads|BulkInsert) != 0:
		return nil, errs.Invalid("flags", "known flags (0 to 7)", r.Head.Flags)
	case r.Head.Dimension < 1 || r.Head.Dimension > compute.MaxDim:
		return nil, errs.Invalid("dimension", "1 to "+strconv.Itoa(compute.MaxDim),
			r.Head.Dimension)
	case u.Uint32(b[12:]) != 0:
		return nil, errs.Invalid("reserved", "zero", u.Uint32(b[12:]))
	case r.Head.Count == 0:
		return nil, errs.Invalid("count", "at least one row", 0)
	}
	return r, nil
}

func checkHead(b []byte, magic string) error {
	if string(b[:4]) != magic {
		return errs.Invalid("magic", strconv.Quote(magic), strconv.Quote(string(b[:4])))
	}
	if v := binary.LittleEndian.Uint16(b[4:]); v != octetsVersion {
		return errs.Invalid("version", strconv.Itoa(octetsVersion), v)
	}
	return nil
}

// fill reads exactly len(b) bytes.
func (r *BulkReader) fill(b []byte) error {
	_, err := io.ReadFull(r.src, b)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errs.New(errs.BadRequest, "Malformed octets body: the body ends early in row %d",
			r.row).With("row", r.row)
	}
	return err
}

// Next reads the next row into op, whose slices are appended to floats and are
// valid until the caller reuses it. It returns io.EOF behind the last row and
// refuses bytes that follow it.
func (r *BulkReader) Next(op *engine.Op, floats []float32) ([]float32, error) {
	if r.row == r.Head.Count {
		return floats, r.end()
	}
	if err := r.id(op); err != nil {
		return floats, err
	}
	size := 4 * r.Head.Dimension
	if cap(r.raw) < size {
		r.raw = make([]byte, size)
	}
	if err := r.fill(r.raw[:size]); err != nil {
		return floats, err
	}
	from := len(floats)
	floats = AppendFloats(floats, r.raw[:size])
	op.Vector = floats[from:len(floats):len(floats)]
	op.Kind, op.Payload, op.PayloadMode = engine.OpUpsert, nil, engine.PayloadReplace
	if r.Head.Flags&BulkInsert != 0 {
		op.Kind = engine.OpInsert
	}
	if err := r.payload(op); err != nil {
		return floats, err
	}
	r.row++
	return floats, nil
}

// end checks that nothing follows the last row.
func (r *BulkReader) end() error {
	var one [1]byte
	n, err := io.ReadFull(r.src, one[:])
	if n > 0 {
		return errs.New(errs.BadRequest, "Malformed octets body: data behind row %d", r.row-1).
			With("row", r.row-1)
	}
	return err
}

func (r *BulkReader) id(op *engine.Op) error {
	if r.Head.Flags&BulkIDs == 0 {
		op.ID = strconv.FormatUint(r.Head.FirstID+r.row, 10)
		return nil
	}
	var b [2]byte
	if err := r.fill(b[:]); err != nil {
		return err
	}
	id, err := r.bytes(int(binary.LittleEndian.Uint16(b[:])))
	if err != nil {
		return err
	}
	op.ID = string(id)
	return nil
}

func (r *BulkReader) payload(op *engine.Op) error {
	if r.Head.Flags&BulkPayloads == 0 {
		return nil
	}
	var b [4]byte
	if err := r.fill(b[:]); err != nil {
		return err
	}
	n := binary.LittleEndian.Uint32(b[:])
	if n == 0 {
		return nil
	}
	if n > engine.MaxPayloadBytes {
		return errs.Invalid(r.field("payload"),
			"at most "+strconv.Itoa(engine.MaxPayloadBytes)+" bytes", n)
	}
	text, err := r.bytes(int(n))
	if err != nil {
		return err
	}
	if err := CheckPayload(text); err != nil {
		return errs.New(errs.Validation, "Invalid %s: expected a JSON object", r.field("payload")).
			With("field", r.field("payload")).With("row", r.row).Wrap(err)
	}
	op.Payload = append([]byte(nil), text...)
	return nil
}

func (r *BulkReader) field(name string) string {
	return "rows[" + strconv.FormatUint(r.row, 10) + "]." + name
}

// bytes reads n bytes, valid until the next call.
func (r *BulkReader) bytes(n int) ([]byte, error) {
	if cap(r.text) < n {
		r.text = make([]byte, n)
	}
	b := r.text[:n]
	return b, r.fill(b)
}

// CheckPayload fails if text is not one JSON object.
func CheckPayload(text []byte) error {
	var d Decoder
	d.Reset(text, JSON)
	if d.Kind() != KindObject {
		return d.mismatch("an object")
	}
	if err := d.Skip(); err != nil {
		return err
	}
	return d.End()
}

// DecodeOctets reads a batch search of at most max queries in octet form.
func (b *Batch) DecodeOctets(body []byte, max int) error {
	b.Queries = b.Queries[:0]
	if len(body) < octetsHead {
		return errs.New(errs.BadRequest, "Malformed octets body: %d bytes, the head has %d",
			len(body), octetsHead)
	}
	if err := checkHead(body, queryMagic); err != nil {
		return err
	}
	u := binary.LittleEndian
	flags, reserved := u.Uint16(body[6:]), u.Uint32(body[28:])
	dim, count := u.Uint32(body[8:]), u.Uint32(body[12:])
	k, ef, ms := u.Uint32(body[16:]), u.Uint32(body[20:]), u.Uint32(body[24:])
	switch {
	case flags&^QueryExact != 0:
		return errs.Invalid("flags", "known flags (0 or 1)", flags)
	case reserved != 0:
		return errs.Invalid("reserved", "zero", reserved)
	case dim < 1 || dim > compute.MaxDim:
		return errs.Invalid("dimension", "1 to "+strconv.Itoa(compute.MaxDim), dim)
	case count < 1:
		return errs.Invalid("count", "at least one query", count)
	case int64(count) > int64(max):
		return TooMany("count", max)
	case k < 1 || k > engine.MaxLimit:
		return errs.Invalid("k", "1 to "+strconv.Itoa(engine.MaxLimit), k)
	case ef > engine.MaxLimit:
		return errs.Invalid("ef", "0 to "+strconv.Itoa(engine.MaxLimit), ef)
	case ms > MaxTimeoutMillis:
		return errs.Invalid("time limit", "0 to "+strconv.Itoa(MaxTimeoutMillis), ms)
	}
	rows := body[octetsHead:]
	if want := int64(count) * int64(dim) * 4; int64(len(rows)) != want {
		return errs.New(errs.BadRequest,
			"Malformed octets body: expected %d bytes of queries, got %d", want, len(rows)).
			With("expected", want).With("given", len(rows))
	}
	for i := range int(count) {
		q := b.next()
		q.Reset()
		q.WithPayload = false
		q.Vector = AppendFloats(q.Vector, rows[i*int(dim)*4:(i+1)*int(dim)*4])
		q.Limit, q.Ef, q.TimeoutMillis = int(k), int(ef), int(ms)
		q.Exact = flags&QueryExact != 0
	}
	return nil
}

// AppendResults appends the octet form of a batch's results to dst.
func AppendResults(dst []byte, items []engine.BatchItem, message func(error) string) []byte {
	u := binary.LittleEndian
	dst = append(dst, replyMagic...)
	dst = u.AppendUint16(dst, octetsVersion)
	dst = u.AppendUint16(dst, 0)
	dst = u.AppendUint32(dst, uint32(len(items)))
	for i := range items {
		if err := items[i].Err; err != nil {
			text := message(err)
			text = text[:min(len(text), math.MaxUint16)]
			dst = u.AppendUint32(dst, failedResult)
			dst = u.AppendUint16(dst, uint16(len(text)))
			dst = append(dst, text...)
			continue
		}
		hits := items[i].Result.Hits
		dst = u.AppendUint32(dst, uint32(len(hits)))
		for j := range hits {
			dst = u.AppendUint16(dst, uint16(len(hits[j].ID)))
			dst = append(dst, hits[j].ID...)
			dst = u.AppendUint32(dst, math.Float32bits(hits[j].Score))
		}
	}
	return dst
}

// OctetHit is one hit of an octet reply.
type OctetHit struct {
	ID    string
	Score float32
}

// ParseResults reads an octet reply: the hits of each query, or its error.
func ParseResults(b []byte) ([][]OctetHit, []error, error) {
	short := errors.New("octet reply ends early")
	if len(b) < 12 {
		return nil, nil, short
	}
	if err := checkHead(b, replyMagic); err != nil {
		return nil, nil, err
	}
	u := binary.LittleEndian
	n := int64(u.Uint32(b[8:]))
	if b = b[12:]; n*4 > int64(len(b)) {
		return nil, nil, short
	}
	hits, fails := make([][]OctetHit, n), make([]error, n)
	for i := range hits {
		if len(b) < 4 {
			return nil, nil, short
		}
		count := u.Uint32(b)
		b = b[4:]
		if count == failedResult {
			text, rest, ok := cutText(b)
			if !ok {
				return nil, nil, short
			}
			fails[i], b = errors.New(text), rest
			continue
		}
		for range count {
			id, rest, ok := cutText(b)
			if !ok || len(rest) < 4 {
				return nil, nil, short
			}
			hits[i] = append(hits[i], OctetHit{id, math.Float32frombits(u.Uint32(rest))})
			b = rest[4:]
		}
	}
	if len(b) != 0 {
		return nil, nil, errors.New("octet reply has data behind its end")
	}
	return hits, fails, nil
}

// cutText reads a length and that many bytes of UTF-8.
func cutText(b []byte) (string, []byte, bool) {
	if len(b) < 2 {
		return "", nil, false
	}
	n := int(binary.LittleEndian.Uint16(b))
	if b = b[2:]; len(b) < n || !utf8.Valid(b[:n]) {
		return "", nil, false
	}
	return string(b[:n]), b[n:], true
}
