package codec

import "encoding/binary"

// AppendMsgPack appends JSON text, transcoded to MessagePack, to dst. The text
// is one the product wrote or checked; if it is not JSON the value is nil.
func AppendMsgPack(dst, text []byte) []byte {
	var d Decoder
	d.Reset(text, JSON)
	from := len(dst)
	dst, err := d.appendPacked(dst)
	if err != nil {
		return append(dst[:from], packNil)
	}
	return dst
}

func (d *Decoder) appendPacked(dst []byte) ([]byte, error) {
	e := Encoder{buf: dst, pack: true}
	switch k := d.Kind(); k {
	case KindNull:
		d.Null()
		e.Null()
	case KindBool:
		v, err := d.Bool()
		if err != nil {
			return dst, err
		}
		e.Bool(v)
	case KindString:
		s, err := d.Text()
		if err != nil {
			return dst, err
		}
		e.Text(string(s))
	case KindNumber:
		return d.appendPackedNumber(dst)
	case KindArray, KindObject:
		return d.appendPackedContainer(dst, k == KindObject)
	default:
		return dst, d.unexpected()
	}
	return e.buf, nil
}

func (d *Decoder) appendPackedNumber(dst []byte) ([]byte, error) {
	n, ok := scanNumber(d.data, d.pos)
	if !ok {
		return dst, d.badNumber()
	}
	text := d.data[d.pos:n.end]
	d.pos = n.end
	e := Encoder{buf: dst, pack: true}
	if v, ok := n.int64(text); ok && !n.frac {
		e.Int(v)
		return e.buf, nil
	}
	if !n.frac && !n.long && !n.neg {
		return binary.BigEndian.AppendUint64(append(dst, packUint64), n.mant), nil
	}
	f, ok := n.float64(text)
	if !ok {
		return dst, d.badNumber()
	}
	e.Float64(f)
	return e.buf, nil
}

// appendPackedContainer writes a container with a 32-bit count, which is filled
// in once the elements are known.
func (d *Decoder) appendPackedContainer(dst []byte, object bool) ([]byte, error) {
	head, enter, more := byte(packArray32), d.Array, d.Next
	if object {
		head, enter = packMap32, d.Object
	}
	if err := enter(); err != nil {
		return dst, err
	}
	at := len(dst) + 1
	dst = append(dst, head, 0, 0, 0, 0)
	for n := uint32(0); ; n++ {
		var key []byte
		var ok bool
		var err error
		if object {
			key, ok, err = d.Key()
		} else {
			ok, err = more()
		}
		if err != nil {
			return dst, err
		}
		if !ok {
			binary.BigEndian.PutUint32(dst[at:], n)
			return dst, nil
		}
		if object {
			e := Encoder{buf: dst, pack: true}
			e.Text(string(key))
			dst = e.buf
		}
		if dst, err = d.appendPacked(dst); err != nil {
			return dst, err
		}
	}
}
