package wire

import (
	"encoding/binary"
	"fmt"

	"github.com/vectorizer-go/vectorizer/replication"
)

// Kinds of messages. Numbers are never reused.
const (
	kindChallenge = iota + 1
	kindProof
	kindConfirm
	kindHello
	kindWelcome
	kindResume
	kindEntries
	kindAck
	kindPing
	kindPromote
	kindPromoted
	kindRepoint
	kindAnnounce
	kindAgreed
	kindRefused
	kindCopyRequest
	kindManifest
	kindChunk
	kindCopyEnd
	kindWait
)

// Limits of what a message may hold.
const (
	maxText    = 4096
	maxList    = 4096
	maxFiles   = 1 << 20
	nonceBytes = 32
)

// body appends the fields of messages.
type body []byte

func (b *body) u8(v byte)    { *b = append(*b, v) }
func (b *body) u32(v uint32) { *b = binary.LittleEndian.AppendUint32(*b, v) }
func (b *body) u64(v uint64) { *b = binary.LittleEndian.AppendUint64(*b, v) }
func (b *body) flag(v bool) {
	if v {
		b.u8(1)
	} else {
		b.u8(0)
	}
}

func (b *body) text(s string) {
	if len(s) > maxText {
		s = s[:maxText]
	}
	*b = binary.LittleEndian.AppendUint16(*b, uint16(len(s)))
	*b = append(*b, s...)
}

func (b *body) bytes(p []byte) { b.u32(uint32(len(p))); *b = append(*b, p...) }

func (b *body) position(p replication.Position) { b.u64(p.Epoch); b.u64(p.Offset); b.u64(p.Rolling) }

func (b *body) address(a replication.Address) { b.text(a.Peer); b.text(a.API) }

// fields reads them. The first failure sticks, and every later read returns zero.
type fields struct {
	b   []byte
	err error
}

func (f *fields) take(n int) []byte {
	if f.err != nil || n < 0 || n > len(f.b) {
		if f.err == nil {
			f.err = fmt.Errorf("%w: %d bytes where %d are needed", ErrBody, len(f.b), n)
		}
		return nil
	}
	out := f.b[:n:n]
	f.b = f.b[n:]
	return out
}

func (f *fields) u8() byte {
	if b := f.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (f *fields) u32() uint32 {
	if b := f.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (f *fields) u64() uint64 {
	if b := f.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (f *fields) flag() bool {
	switch v := f.u8(); v {
	case 0, 1:
		return v == 1
	default:
		f.fail("flag of %d", v)
		return false
	}
}

func (f *fields) fail(format string, args ...any) {
	if f.err == nil {
		f.err = fmt.Errorf("%w: "+format, append([]any{ErrBody}, args...)...)
	}
}

func (f *fields) text() string {
	b := f.take(2)
	if b == nil {
		return ""
	}
	n := int(binary.LittleEndian.Uint16(b))
	if n > maxText {
		f.fail("text of %d bytes", n)
		return ""
	}
	return string(f.take(n))
}

func (f *fields) bytes() []byte { return f.take(int(f.u32())) }

// count reads the length of a list whose items take at least size bytes each.
func (f *fields) count(most, size int) int {
	n := int(f.u32())
	if n > most || n*size > len(f.b) {
		f.fail("list of %d", n)
		return 0
	}
	return n
}

func (f *fields) position() replication.Position {
	return replication.Position{Epoch: f.u64(), Offset: f.u64(), Rolling: f.u64()}
}

func (f *fields) address() replication.Address {
	return replication.Address{Peer: f.text(), API: f.text()}
}

// end checks that nothing is left.
func (f *fields) end() error {
	if f.err == nil && len(f.b) > 0 {
		f.fail("%d bytes too many", len(f.b))
	}
	return f.err
}
