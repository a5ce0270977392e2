// Package wire is how the messages of package replication travel: frames with a
// version, a bounded length and a checksum, and a codec for each message. All
// input is hostile: nothing is allocated for a length before it is checked.
//
// A frame, integers little-endian:
//
//	0  u8   magic = 0xB5
//	1  u8   version = 1
//	2  u8   kind of message
//	3  u8   flags: bit 0 = the body is compressed with zstd
//	4  u32  length of the body as sent
//	8  u32  CRC-32C of the 8 bytes before and the body as sent
//	12 ...  body
package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/zstd"
)

const (
	magic      = 0xb5
	version    = 1
	headerSize = 12

	flagZstd = 1
)

// MaxFrame bounds the body of a frame, also after decompression: one log entry of
// the largest request, with room to spare.
const MaxFrame = 256 << 20

// maxSmall bounds every frame that does not carry data.
const maxSmall = 1 << 20

// compressFrom is the size from which compression is worth a try.
const compressFrom = 512

// castagnoli is the table of CRC-32C, the polynomial with hardware support.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Errors of frames. Each ends its connection.
var (
	ErrMagic    = errors.New("wire: not a replication peer")
	ErrVersion  = errors.New("wire: protocol version is not supported")
	ErrTooBig   = errors.New("wire: frame is too big")
	ErrChecksum = errors.New("wire: frame checksum is wrong")
	ErrBody     = errors.New("wire: malformed message")
)

// Writer writes frames. It is for one goroutine.
type Writer struct {
	w     io.Writer
	buf   []byte
	zip   []byte
	enc   *zstd.Encoder // nil = no compression
	Bytes uint64        // written
}

// NewWriter returns a Writer; compress makes it use zstd where that is smaller.
func NewWriter(w io.Writer, compress bool) (*Writer, error) {
	out := &Writer{w: w}
	if !compress {
		return out, nil
	}
	var err error
	out.enc, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithEncoderConcurrency(1))
	return out, err
}

// frame sends one frame whose body fill appends.
func (w *Writer) frame(kind byte, fill func(b []byte) []byte) error {
	w.buf = append(w.buf[:0], make([]byte, headerSize)...)
	w.buf = fill(w.buf)
	out, flags := w.buf, byte(0)
	if w.enc != nil && len(out) >= headerSize+compressFrom {
		w.zip = append(w.zip[:0], out[:headerSize]...)
		w.zip = w.enc.EncodeAll(out[headerSize:], w.zip)
		if len(w.zip) < len(out) {
			out, flags = w.zip, flagZstd
		}
	}
	if len(w.buf)-headerSize > MaxFrame {
		return ErrTooBig
	}
	out[0], out[1], out[2], out[3] = magic, version, kind, flags
	binary.LittleEndian.PutUint32(out[4:], uint32(len(out)-headerSize))
	sum := crc32.Update(crc32.Checksum(out[:8], castagnoli), castagnoli, out[headerSize:])
	binary.LittleEndian.PutUint32(out[8:], sum)
	n, err := w.w.Write(out)
	w.Bytes += uint64(n)
	return err
}

// Reader reads frames. It is for one goroutine.
type Reader struct {
	r     io.Reader
	head  [headerSize]byte
	buf   []byte
	plain []byte
	dec   *zstd.Decoder
	Bytes uint64 // read
}

// NewReader returns a Reader of r, which should be buffered.
func NewReader(r io.Reader) *Reader { return &Reader{r: r} }

// Close frees what decompression holds.
func (r *Reader) Close() {
	if r.dec != nil {
		r.dec.Close()
	}
}

// frame reads one frame. The body is valid until the next call.
func (r *Reader) frame() (kind byte, body []byte, err error) {
	if _, err := io.ReadFull(r.r, r.head[:]); err != nil {
		return 0, nil, err
	}
	r.Bytes += headerSize
	h := &r.head
	switch {
	case h[0] != magic:
		return 0, nil, ErrMagic
	case h[1] != version:
		return 0, nil, fmt.Errorf("%w: %d", ErrVersion, h[1])
	}
	kind = h[2]
	n := int(binary.LittleEndian.Uint32(h[4:]))
	limit := limitOf(kind)
	if n > limit || h[3]&^flagZstd != 0 {
		return 0, nil, fmt.Errorf("%w: %d bytes of kind %d", ErrTooBig, n, kind)
	}
	if r.buf, err = readBody(r.r, r.buf[:0], n); err != nil {
		return 0, nil, err
	}
	r.Bytes += uint64(n)
	sum := crc32.Update(crc32.Checksum(h[:8], castagnoli), castagnoli, r.buf)
	if sum != binary.LittleEndian.Uint32(h[8:]) {
		return 0, nil, ErrChecksum
	}
	if h[3]&flagZstd == 0 {
		return kind, r.buf, nil
	}
	if r.dec == nil {
		r.dec, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1),
			zstd.WithDecoderMaxMemory(MaxFrame))
		if err != nil {
			return 0, nil, err
		}
	}
	if r.plain, err = r.dec.DecodeAll(r.buf, r.plain[:0]); err != nil {
		return 0, nil, fmt.Errorf("%w: %w", ErrBody, err)
	}
	if len(r.plain) > limit {
		return 0, nil, ErrTooBig
	}
	return kind, r.plain, nil
}

// readBody reads n bytes in steps: a peer that promises much and sends little
// costs little.
func readBody(r io.Reader, buf []byte, n int) ([]byte, error) {
	const step = 1 << 20
	for len(buf) < n {
		m := min(step, n-len(buf))
		at := len(buf)
		if cap(buf) >= at+m {
			buf = buf[:at+m]
		} else {
			buf = append(buf, make([]byte, m)...)
		}
		if _, err := io.ReadFull(r, buf[at:]); err != nil {
			return buf, err
		}
	}
	return buf, nil
}

// limitOf is the largest body of a kind.
func limitOf(kind byte) int {
	if kind == kindEntries || kind == kindChunk || kind == kindCopyEnd || kind == kindManifest {
		return MaxFrame
	}
	return maxSmall
}
