package hdf5

// The kinds of header messages that matter here (specification, IV.A.2).
const (
	msgDataspace    = 0x01
	msgLinkInfo     = 0x02
	msgDatatype     = 0x03
	msgLink         = 0x06
	msgLayout       = 0x08
	msgFilters      = 0x0b
	msgAttribute    = 0x0c
	msgContinuation = 0x10
	msgSymbolTable  = 0x11
)

// message is one message of an object header.
type message struct {
	kind int
	body []byte
}

// headerBlocksMax bounds the continuation blocks of one header.
const headerBlocksMax = 256

// span is a part of the file.
type span struct{ at, size uint64 }

// header reads all messages of the object header at an address, those of its
// continuation blocks included (specification, IV.A.1).
func (f *File) header(table string, at uint64) ([]message, error) {
	start, err := f.block("object header of "+table, at, min(uint64(f.size)-min(at, uint64(f.size)), 64))
	if err != nil {
		return nil, err
	}
	c := cursor{b: start}
	if len(start) >= 4 && string(start[:4]) == "OHDR" {
		return f.headerV2(table, at, &c)
	}
	if version := c.u8(); version != 1 {
		return nil, f.bad(table, "object header version", "1 or 2", version)
	}
	c.skip(7)
	size := c.u32()
	if c.short {
		return nil, f.short(table, "object header")
	}
	return f.blocks(table, span{at + 16, uint64(size)}, func(b []byte) ([]byte, bool) { return b, true },
		func(c *cursor) message {
			kind, n := c.u16(), c.u16()
			c.skip(4)
			return message{kind, c.bytes(n)}
		})
}

func (f *File) headerV2(table string, at uint64, c *cursor) ([]message, error) {
	whole := len(c.b)
	c.skip(4)
	if version := c.u8(); version != 2 {
		return nil, f.bad(table, "object header version", "1 or 2", version)
	}
	flags := c.u8()
	if flags&0x20 != 0 {
		c.skip(16) // times
	}
	if flags&0x10 != 0 {
		c.skip(4) // attribute phase change
	}
	size := c.number(1 << (flags & 3))
	if c.short {
		return nil, f.short(table, "object header")
	}
	first := span{at + uint64(whole-len(c.b)), size}
	return f.blocks(table, first, continued, func(c *cursor) message {
		kind, n := c.u8(), c.u16()
		c.skip(1)
		if flags&4 != 0 {
			c.skip(2)
		}
		return message{kind, c.bytes(n)}
	})
}

// continued strips the signature and the checksum of a continuation block.
func continued(b []byte) ([]byte, bool) {
	if len(b) < 8 || string(b[:4]) != "OCHK" {
		return nil, false
	}
	return b[4 : len(b)-4], true
}

// blocks reads the messages of a header's first block and of those that it
// continues in; strip takes the frame off the latter.
func (f *File) blocks(table string, first span, strip func([]byte) ([]byte, bool),
	next func(*cursor) message,
) ([]message, error) {
	var out []message
	todo := []span{first}
	for i := 0; i < len(todo); i++ {
		if i == headerBlocksMax {
			return nil, f.bad(table, "header blocks", "at most 256", "more")
		}
		b, err := f.block("header of "+table, todo[i].at, todo[i].size)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			var ok bool
			if b, ok = strip(b); !ok {
				return nil, f.bad(table, "header block", "a continuation", "another structure")
			}
		}
		c := cursor{b: b}
		for len(c.b) >= 8 {
			m := next(&c)
			if c.short {
				return nil, f.short(table, "header message")
			}
			if m.kind == msgContinuation {
				at := cursor{b: m.body}
				todo = append(todo, span{at.u64(), at.u64()})
				continue
			}
			out = append(out, m)
		}
	}
	return out, nil
}
