package wire

import (
	"fmt"

	"github.com/vectorizer-go/vectorizer/replication"
)

// Write sends a message.
func (w *Writer) Write(m replication.Message) error {
	kind := kindOf(m)
	if kind == 0 {
		return fmt.Errorf("BUG: no codec for %T", m)
	}
	return w.frame(kind, func(buf []byte) []byte {
		b := body(buf)
		encode(&b, m)
		return b
	})
}

// Read returns the next message. Entries.Data is valid until the next Read.
func (r *Reader) Read() (replication.Message, error) {
	kind, b, err := r.frame()
	if err != nil {
		return nil, err
	}
	return decode(kind, b)
}

func kindOf(m replication.Message) byte {
	switch m.(type) {
	case *replication.Hello:
		return kindHello
	case *replication.Welcome:
		return kindWelcome
	case *replication.Resume:
		return kindResume
	case *replication.Entries:
		return kindEntries
	case *replication.Ack:
		return kindAck
	case *replication.Ping:
		return kindPing
	case *replication.Promote:
		return kindPromote
	case *replication.Promoted:
		return kindPromoted
	case *replication.Repoint:
		return kindRepoint
	case *replication.Announce:
		return kindAnnounce
	case *replication.Agreed:
		return kindAgreed
	case *replication.Refused:
		return kindRefused
	}
	return 0
}

func encode(b *body, m replication.Message) {
	switch m := m.(type) {
	case *replication.Hello:
		b.text(m.NodeID)
		b.text(m.HistoryID)
		b.text(m.Branch)
		b.position(m.Position)
		b.u64(m.Promised)
		b.address(m.Address)
	case *replication.Welcome:
		encodeWelcome(b, m)
	case *replication.Resume:
		b.position(m.Position)
	case *replication.Entries:
		b.u64(m.Epoch)
		b.u64(m.First)
		b.u64(m.Last)
		b.u64(uint64(m.TimeUs))
		b.bytes(m.Data)
	case *replication.Ack:
		b.u64(m.Epoch)
		b.u64(m.Received)
		b.u64(m.Durable)
		b.u64(m.Applied)
		b.u64(uint64(m.EchoUs))
		b.u64(m.Bytes)
	case *replication.Ping:
		encodePing(b, m)
	case *replication.Promote:
		b.u64(m.Epoch)
		b.u64(m.Offset)
	case *replication.Promoted:
		b.u64(m.Epoch)
		b.position(m.Position)
		b.address(m.Address)
	case *replication.Repoint:
		b.u64(m.Epoch)
		b.address(m.Master)
	case *replication.Announce:
		b.text(m.NodeID)
		b.u64(m.Epoch)
		b.address(m.Master)
	case *replication.Agreed:
		b.u64(m.Epoch)
	case *replication.Refused:
		b.text(m.Code)
		b.u64(m.Epoch)
		b.address(m.Master)
	}
}

func encodeWelcome(b *body, m *replication.Welcome) {
	b.text(m.NodeID)
	b.text(m.HistoryID)
	b.u64(m.Epoch)
	b.position(m.Tip)
	b.flag(m.Full)
	b.text(m.Reason)
	b.address(m.Address)
	b.u32(uint32(len(m.Lineage)))
	for _, l := range m.Lineage {
		b.text(l.ID)
		b.u64(l.Epoch)
		b.u64(l.From)
	}
}

func encodePing(b *body, m *replication.Ping) {
	b.u64(m.Epoch)
	b.u64(m.Offset)
	b.u64(uint64(m.TimeUs))
	b.flag(m.InSync)
	b.u32(uint32(len(m.Members)))
	for _, o := range m.Members {
		b.text(o.ID)
		b.address(o.Address)
	}
}

// decode parses the body of a kind.
func decode(kind byte, b []byte) (replication.Message, error) {
	f := &fields{b: b}
	var m replication.Message
	switch kind {
	case kindHello:
		m = &replication.Hello{NodeID: f.text(), HistoryID: f.text(), Branch: f.text(),
			Position: f.position(), Promised: f.u64(), Address: f.address()}
	case kindWelcome:
		m = decodeWelcome(f)
	case kindResume:
		m = &replication.Resume{Position: f.position()}
	case kindEntries:
		m = &replication.Entries{Epoch: f.u64(), First: f.u64(), Last: f.u64(),
			TimeUs: int64(f.u64()), Data: f.bytes()}
	case kindAck:
		m = &replication.Ack{Epoch: f.u64(), Received: f.u64(), Durable: f.u64(),
			Applied: f.u64(), EchoUs: int64(f.u64()), Bytes: f.u64()}
	case kindPing:
		m = decodePing(f)
	case kindPromote:
		m = &replication.Promote{Epoch: f.u64(), Offset: f.u64()}
	case kindPromoted:
		m = &replication.Promoted{Epoch: f.u64(), Position: f.position(), Address: f.address()}
	case kindRepoint:
		m = &replication.Repoint{Epoch: f.u64(), Master: f.address()}
	case kindAnnounce:
		m = &replication.Announce{NodeID: f.text(), Epoch: f.u64(), Master: f.address()}
	case kindAgreed:
		m = &replication.Agreed{Epoch: f.u64()}
	case kindRefused:
		m = &replication.Refused{Code: f.text(), Epoch: f.u64(), Master: f.address()}
	default:
		return nil, fmt.Errorf("%w: kind %d", ErrBody, kind)
	}
	if err := f.end(); err != nil {
		return nil, err
	}
	return m, nil
}

func decodeWelcome(f *fields) *replication.Welcome {
	m := &replication.Welcome{NodeID: f.text(), HistoryID: f.text(), Epoch: f.u64(),
		Tip: f.position(), Full: f.flag(), Reason: f.text(), Address: f.address()}
	for range f.count(maxList, 18) {
		m.Lineage = append(m.Lineage, replication.Branch{ID: f.text(), Epoch: f.u64(), From: f.u64()})
	}
	return m
}

func decodePing(f *fields) *replication.Ping {
	m := &replication.Ping{Epoch: f.u64(), Offset: f.u64(), TimeUs: int64(f.u64()), InSync: f.flag()}
	for range f.count(maxList, 6) {
		m.Members = append(m.Members, replication.Member{ID: f.text(), Address: f.address()})
	}
	return m
}
