package filter

import (
	"github.com/vectorizer-go/vectorizer/engine/filter/rawjson"
)

// Number is a JSON number compared by value; see rawjson.Number.
type Number = rawjson.Number

// ValueKind is the type of a Value.
type ValueKind uint8

// The kinds of values.
const (
	KindString ValueKind = iota
	KindNumber
	KindBool
)

// Value is a scalar that a condition compares with.
type Value struct {
	Kind ValueKind
	Str  string
	Num  Number
	Bool bool
}

// StringValue returns s as a Value.
func StringValue(s string) Value { return Value{Kind: KindString, Str: s} }

// NumberValue returns n as a Value.
func NumberValue(n Number) Value { return Value{Kind: KindNumber, Num: n} }

// BoolValue returns b as a Value.
func BoolValue(b bool) Value { return Value{Kind: KindBool, Bool: b} }

// Compare orders values by kind, then by value.
func (v Value) Compare(w Value) int {
	switch {
	case v.Kind != w.Kind:
		return int(v.Kind) - int(w.Kind)
	case v.Kind == KindNumber:
		return v.Num.Compare(w.Num)
	case v.Kind == KindBool:
		return boolInt(v.Bool) - boolInt(w.Bool)
	case v.Str < w.Str:
		return -1
	case v.Str > w.Str:
		return 1
	}
	return 0
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// appendJSON appends v as JSON text.
func (v Value) appendJSON(dst []byte) []byte {
	switch v.Kind {
	case KindNumber:
		return v.Num.Append(dst)
	case KindBool:
		if v.Bool {
			return append(dst, "true"...)
		}
		return append(dst, "false"...)
	}
	return rawjson.AppendQuoted(dst, v.Str)
}

// NumberFromBits is the inverse of Number.Bits; ok is false for what that never
// gives.
func NumberFromBits(bits uint64, form uint8) (n Number, ok bool) {
	return rawjson.FromBits(bits, form)
}

// ParseNumber reads the text of a JSON number; ok is false when it is none.
func ParseNumber(tok []byte) (n Number, ok bool) { return rawjson.ParseNumber(tok) }
