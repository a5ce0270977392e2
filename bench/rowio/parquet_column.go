package rowio

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// pqRole is what a parquet column becomes.
type pqRole uint8

const (
	rolePayload pqRole = iota
	roleVector
	roleID
	roleIgnored
)

// pqColumn is a leaf column: plain values, or lists of them.
type pqColumn struct {
	name    string
	kind    parquet.Kind
	list    bool
	maxDef  int
	nullDef int                     // definition level of a null inside a list; -1 = none
	logical format.LogicalTypeValue // nil = none
	role    pqRole
	problem string // why it cannot be a payload field; "" = it can
	key     []byte // the JSON key with its colon
}

func newPQColumn(leaf parquet.LeafColumn) pqColumn {
	t := leaf.Node.Type()
	c := pqColumn{
		name: leaf.Path[0], kind: t.Kind(), list: leaf.MaxRepetitionLevel == 1,
		maxDef: leaf.MaxDefinitionLevel, nullDef: -1,
	}
	if l := t.LogicalType(); l != nil {
		c.logical = l.Value
	}
	if leaf.Node.Optional() {
		c.nullDef = leaf.MaxDefinitionLevel - 1
	}
	key, _ := json.Marshal(c.name) // text always marshals
	c.key = append(key, ':')
	c.problem = c.unsupported(leaf)
	return c
}

// unsupported says why a column cannot become JSON.
func (c *pqColumn) unsupported(leaf parquet.LeafColumn) string {
	plain := leaf.MaxRepetitionLevel == 0 && len(leaf.Path) == 1
	// A list is one repeated level: name (repeated), name.element, or the
	// three-level name.list.element.
	list := c.list && len(leaf.Path) <= 3
	switch c.logical.(type) {
	case *format.DecimalType, *format.TimeType, *format.BsonType, *format.Float16Type,
		*format.VariantType, *format.GeometryType, *format.GeographyType:
		return "type " + c.logical.String()
	}
	switch {
	case !plain && !list:
		return "the nested column " + strings.Join(leaf.Path, ".")
	case c.kind == parquet.Int96:
		return "type INT96"
	case c.kind == parquet.FixedLenByteArray && !c.isUUID():
		return "fixed-length bytes"
	}
	return ""
}

func (c *pqColumn) isUUID() bool {
	_, ok := c.logical.(*format.UUIDType)
	return ok
}

// isVector reports whether the column may hold vectors.
func (c *pqColumn) isVector() bool {
	return c.list && c.problem == "" && (c.kind == parquet.Float || c.kind == parquet.Double)
}

// floats appends a vector's components.
func (c *pqColumn) floats(p place, dst []float32, values []parquet.Value) ([]float32, error) {
	for i, v := range values {
		if v.IsNull() {
			if len(values) == 1 && v.DefinitionLevel() != c.nullDef {
				return dst, p.bad(c.name, "a list of numbers", "null or an empty list")
			}
			return dst, p.bad(fmt.Sprintf("%s[%d]", c.name, i), "a number", "null")
		}
		if c.kind == parquet.Double {
			dst = append(dst, float32(v.Double()))
		} else {
			dst = append(dst, v.Float())
		}
	}
	return dst, nil
}

// id returns a text, whole number or UUID.
func (c *pqColumn) id(p place, v parquet.Value) (string, error) {
	if v.IsNull() {
		return "", p.bad(c.name, "an id", "null")
	}
	var id string
	switch c.kind {
	case parquet.Int32, parquet.Int64:
		id = string(c.appendInt(nil, v))
	case parquet.ByteArray:
		id = string(v.ByteArray())
	case parquet.FixedLenByteArray:
		if !c.isUUID() {
			return "", p.bad(c.name, "text, whole numbers or UUIDs", c.problem)
		}
		id = uuidText(v.Bytes())
	default:
		return "", p.bad(c.name, "text, whole numbers or UUIDs", c.kind)
	}
	if !utf8.ValidString(id) {
		return "", p.bad(c.name, "UTF-8", strconv.Quote(id))
	}
	return id, p.checkID(c.name, id)
}

// appendField appends `{"name":value` or `,"name":value`; nothing for null.
func (c *pqColumn) appendField(p place, out []byte, values []parquet.Value) ([]byte, error) {
	first := values[0]
	if first.IsNull() && (!c.list || first.DefinitionLevel() == 0 && c.maxDef > 1) {
		return out, nil
	}
	if c.kind == parquet.Double && !c.list && math.IsNaN(first.Double()) ||
		c.kind == parquet.Float && !c.list && first.Float() != first.Float() {
		return out, nil
	}
	if out == nil {
		out = append(out, '{')
	} else {
		out = append(out, ',')
	}
	out = append(out, c.key...)
	if !c.list {
		return c.appendValue(p, out, first)
	}
	out = append(out, '[')
	for i, v := range values {
		if v.IsNull() && v.DefinitionLevel() != c.nullDef {
			break // an empty list
		}
		if i > 0 {
			out = append(out, ',')
		}
		var err error
		if out, err = c.appendValue(p, out, v); err != nil {
			return out, err
		}
	}
	return append(out, ']'), nil
}

// appendValue appends v as JSON.
func (c *pqColumn) appendValue(p place, out []byte, v parquet.Value) ([]byte, error) {
	if v.IsNull() {
		return append(out, "null"...), nil
	}
	switch c.kind {
	case parquet.Boolean:
		return strconv.AppendBool(out, v.Boolean()), nil
	case parquet.Int32, parquet.Int64:
		return c.appendInt(out, v), nil
	case parquet.Float:
		return c.appendFloat(p, out, float64(v.Float()), 32)
	case parquet.Double:
		return c.appendFloat(p, out, v.Double(), 64)
	case parquet.FixedLenByteArray:
		return strconv.AppendQuote(out, uuidText(v.Bytes())), nil
	}
	text := v.ByteArray()
	if _, ok := c.logical.(*format.JsonType); ok {
		if !json.Valid(text) {
			return out, p.bad(c.name, "JSON", clip(text))
		}
		return append(out, text...), nil
	}
	if !utf8.Valid(text) {
		return out, p.bad(c.name, "UTF-8 text", clip(text))
	}
	quoted, err := json.Marshal(string(text))
	return append(out, quoted...), err
}

// appendInt appends a whole number, a date or a time. Dates are "2006-01-02",
// times RFC 3339 in UTC.
func (c *pqColumn) appendInt(out []byte, v parquet.Value) []byte {
	n := v.Int64()
	if c.kind == parquet.Int32 {
		n = int64(v.Int32())
	}
	switch t := c.logical.(type) {
	case *format.DateType:
		day := time.Unix(0, 0).UTC().AddDate(0, 0, int(n))
		return day.AppendFormat(out, `"2006-01-02"`)
	case *format.TimestampType:
		return timestamp(t, n).AppendFormat(out, `"`+time.RFC3339Nano+`"`)
	case *format.IntType:
		if !t.IsSigned && c.kind == parquet.Int32 {
			return strconv.AppendUint(out, uint64(uint32(n)), 10)
		}
		if !t.IsSigned {
			return strconv.AppendUint(out, uint64(n), 10)
		}
	}
	return strconv.AppendInt(out, n, 10)
}

func timestamp(t *format.TimestampType, n int64) time.Time {
	switch unit := t.Unit.String(); {
	case strings.HasPrefix(unit, "MILLIS"):
		return time.UnixMilli(n).UTC()
	case strings.HasPrefix(unit, "MICROS"):
		return time.UnixMicro(n).UTC()
	}
	return time.Unix(0, n).UTC()
}

func (c *pqColumn) appendFloat(p place, out []byte, f float64, bits int) ([]byte, error) {
	if math.IsNaN(f) {
		return append(out, "null"...), nil // inside a list its place must be kept
	}
	if math.IsInf(f, 0) {
		return out, p.bad(c.name, "a finite number", f)
	}
	return strconv.AppendFloat(out, f, 'g', -1, bits), nil
}

func uuidText(b []byte) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// isObject reports whether text is one JSON object.
func isObject(text []byte) bool {
	i := skipBlank(text, 0)
	return i < len(text) && text[i] == '{' && json.Valid(text)
}
