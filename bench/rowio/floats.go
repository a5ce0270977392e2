package rowio

import (
	"fmt"
	"math"
	"strconv"
	"unsafe"
)

// floatText describes the grammar of parseFloats for messages.
const floatText = "a JSON array of numbers"

// parseFloats appends the numbers of a JSON array to dst. It accepts exactly
// what JSON does, and only numbers that float32 can hold. It exists because a
// generic decoder takes five times as long for the bulk of an import.
func (p place) parseFloats(dst []float32, text []byte, field string) ([]float32, error) {
	i := skipBlank(text, 0)
	if i == len(text) || text[i] != '[' {
		return dst, p.bad(field, floatText, clip(text))
	}
	i = skipBlank(text, i+1)
	if i < len(text) && text[i] == ']' {
		return dst, p.endOfArray(text, i+1, field)
	}
	for n := 0; ; n++ {
		end := i
		for end < len(text) && isNumberByte(text[end]) {
			end++
		}
		v, err := parseFloat(text[i:end])
		if err != "" {
			given := text[i:end]
			if len(given) == 0 {
				given = text[i:min(len(text), i+20)]
			}
			return dst, p.bad(fmt.Sprintf("%s[%d]", field, n), err, clip(given))
		}
		dst = append(dst, v)
		i = skipBlank(text, end)
		if i < len(text) && text[i] == ']' {
			return dst, p.endOfArray(text, i+1, field)
		}
		if i == len(text) || text[i] != ',' {
			return dst, p.bad(fmt.Sprintf("%s[%d]", field, n), "a comma or ] after it",
				clip(text[i:]))
		}
		i = skipBlank(text, i+1)
	}
}

func (p place) endOfArray(text []byte, i int, field string) error {
	if i = skipBlank(text, i); i != len(text) {
		return p.bad(field, "nothing after the array", clip(text[i:]))
	}
	return nil
}

// parseFloat returns what was expected when text is not a JSON number that
// float32 can hold.
func parseFloat(text []byte) (v float32, expected string) {
	if !isJSONNumber(text) {
		return 0, "a number"
	}
	// ParseFloat does not keep its argument, so the bytes may stay ours.
	f, err := strconv.ParseFloat(unsafe.String(&text[0], len(text)), 32)
	if err != nil || math.IsInf(f, 0) {
		return 0, "a number within float32's range"
	}
	return float32(f), ""
}

func isNumberByte(c byte) bool {
	return c-'0' <= 9 || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'
}

// isJSONNumber checks the number grammar of RFC 8259, section 6.
func isJSONNumber(t []byte) bool {
	i := 0
	digits := func() bool {
		from := i
		for i < len(t) && t[i]-'0' <= 9 {
			i++
		}
		return i > from
	}
	if i < len(t) && t[i] == '-' {
		i++
	}
	if i < len(t) && t[i] == '0' {
		i++
	} else if !digits() {
		return false
	}
	if i < len(t) && t[i] == '.' {
		i++
		if !digits() {
			return false
		}
	}
	if i < len(t) && (t[i] == 'e' || t[i] == 'E') {
		i++
		if i < len(t) && (t[i] == '+' || t[i] == '-') {
			i++
		}
		if !digits() {
			return false
		}
	}
	return i == len(t)
}

func skipBlank(t []byte, i int) int {
	for i < len(t) && (t[i] == ' ' || t[i] == '\t' || t[i] == '\n' || t[i] == '\r') {
		i++
	}
	return i
}

// clip quotes the start of text for a message.
func clip(text []byte) string {
	const most = 40
	if len(text) > most {
		return strconv.Quote(string(text[:most])) + "…"
	}
	return strconv.Quote(string(text))
}
