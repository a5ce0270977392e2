package rowio

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"
)

// jsonlEncoder writes {"id":…,"vector":[…],"payload":{…}} per line.
type jsonlEncoder struct {
	out      io.Writer
	line     []byte
	compact  bytes.Buffer
	noVector bool
}

func (e *jsonlEncoder) write(row *Row) error {
	id, err := json.Marshal(row.ID)
	if err != nil {
		return err
	}
	e.line = append(append(e.line[:0], `{"id":`...), id...)
	if !e.noVector {
		e.line = append(e.line, `,"vector":[`...)
		for i, v := range row.Vector {
			if i > 0 {
				e.line = append(e.line, ',')
			}
			e.line = strconv.AppendFloat(e.line, float64(v), 'g', -1, 32)
		}
		e.line = append(e.line, ']')
	}
	if row.Payload != nil {
		if err := checkPayload(row.Payload); err != nil {
			return err
		}
		e.compact.Reset() // a line break inside would end the line
		if err := json.Compact(&e.compact, row.Payload); err != nil {
			return err
		}
		e.line = append(append(e.line, `,"payload":`...), e.compact.Bytes()...)
	}
	e.line = append(e.line, "}\n"...)
	_, err = e.out.Write(e.line)
	return err
}

func (e *jsonlEncoder) finish(*os.File) error { return nil }

// fvecsEncoder writes TEXMEX fvecs.
type fvecsEncoder struct {
	out io.Writer
	buf []byte
}

func (e *fvecsEncoder) write(row *Row) error {
	e.buf = binary.LittleEndian.AppendUint32(e.buf[:0], uint32(len(row.Vector)))
	_, err := e.out.Write(appendFloats(e.buf, row.Vector))
	return err
}

func (e *fvecsEncoder) finish(*os.File) error { return nil }

func appendFloats(buf []byte, vec []float32) []byte {
	for _, v := range vec {
		buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
	}
	return buf
}

// npyHeaderBytes is the length of the header that npyEncoder keeps room for.
const npyHeaderBytes = 128

// npyEncoder writes a version 1 file of little-endian float32. The number of
// rows goes into the header at the end.
type npyEncoder struct {
	out  io.Writer
	buf  []byte
	rows int64
	dim  int
}

func newNPYEncoder(out io.Writer) (*npyEncoder, error) {
	_, err := out.Write(make([]byte, npyHeaderBytes))
	return &npyEncoder{out: out}, err
}

func (e *npyEncoder) write(row *Row) error {
	if e.rows == 0 {
		e.dim = len(row.Vector)
	}
	if len(row.Vector) != e.dim {
		return fmt.Errorf("row %d has %d components, row 0 has %d", e.rows, len(row.Vector), e.dim)
	}
	e.rows++
	e.buf = appendFloats(e.buf[:0], row.Vector)
	_, err := e.out.Write(e.buf)
	return err
}

func (e *npyEncoder) finish(f *os.File) error {
	head := fmt.Appendf(nil, "%s\x01\x00%c\x00{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }",
		npyMagic, npyHeaderBytes-10, e.rows, e.dim)
	for len(head) < npyHeaderBytes-1 {
		head = append(head, ' ')
	}
	_, err := f.WriteAt(append(head, '\n'), 0)
	return err
}

// parquetRow is the schema that export writes.
type parquetRow struct {
	ID      string    `parquet:"id"`
	Vector  []float32 `parquet:"vector,list"`
	Payload string    `parquet:"payload,optional"` // JSON; "" is null
}

type parquetEncoder struct {
	w    *parquet.GenericWriter[parquetRow]
	rows [1]parquetRow
	n    int
}

// parquetGroupRows bounds a row group, and with it the memory of the writer.
const parquetGroupRows = 16 << 10

func newParquetEncoder(out io.Writer) *parquetEncoder {
	return &parquetEncoder{w: parquet.NewGenericWriter[parquetRow](out,
		parquet.Compression(&zstd.Codec{Level: zstd.SpeedFastest}))}
}

func (e *parquetEncoder) write(row *Row) error {
	if err := checkPayload(row.Payload); err != nil {
		return err
	}
	e.rows[0] = parquetRow{ID: row.ID, Vector: row.Vector, Payload: string(row.Payload)}
	if _, err := e.w.Write(e.rows[:]); err != nil {
		return err
	}
	e.n++
	if e.n%parquetGroupRows == 0 {
		return e.w.Flush()
	}
	return nil
}

func (e *parquetEncoder) finish(*os.File) error { return e.w.Close() }
