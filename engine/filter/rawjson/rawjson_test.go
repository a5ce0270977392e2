package rawjson

import (
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCheck(t *testing.T) {
	good := func(s string) {
		t.Helper()
		if err := Check([]byte(s), 3); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
	bad := func(s, reason string, offset int) {
		t.Helper()
		var f *Fault
		err := Check([]byte(s), 3)
		if !errors.As(err, &f) || !strings.Contains(f.Reason, reason) || f.Offset != offset {
			t.Errorf("%q: %v, want %q at %d", s, err, reason, offset)
		}
	}
	good(` {"a" : [1, -0.5e+3, "x\u00e9\n", true, false, null, {}, []] } `)
	good(`"x"`)
	bad(``, "found the end", 0)
	bad(`{"a":1,}`, "a key in quotes", 7)
	bad(`[1,]`, "expected a value", 3)
	bad(`[01]`, "malformed number", 1)
	bad(`[1.]`, "malformed number", 1)
	bad(`[+1]`, "expected a value", 1)
	bad(`[1 2]`, "expected ','", 3)
	bad(`{"a" 1}`, "expected ':'", 5)
	bad(`[nul]`, "expected null", 1)
	bad(`["a`, "not closed", 1)
	bad(`["\x"]`, "malformed escape", 2)
	bad("[\"a\nb\"]", "control character", 3)
	bad(`[[[[]]]]`, "nested too deeply", 3)
	bad(`{} {}`, "more text", 3)
	bad(`{"a":1,"\u0061":2}`, "twice", 7)
	bad("[\"\xff\"]", "invalid UTF-8", 2)

	var many strings.Builder // beyond the keys that are compared one by one
	for i := range 100 {
		many.WriteString(`"k` + strconv.Itoa(i) + `":0,`)
	}
	good(`{` + many.String() + `"last":1}`)
	bad(`{`+many.String()+`"k37":1}`, "twice", 1+many.Len())
	bad(`{`+many.String()+`"k3":1}`, "twice", 1+many.Len())
}

func TestNumbers(t *testing.T) {
	parse := func(s string) Number {
		t.Helper()
		n, ok := ParseNumber([]byte(s))
		if !ok {
			t.Fatalf("%s refused", s)
		}
		return n
	}
	ascending := []string{"-1e400", "-1e300", "-9223372036854775809e1", "-9223372036854775808", "-9007199254740993",
		"-2.5", "-1", "-1e-9", "0", "5e-324", "0.5", "1", "9007199254740992", "9007199254740993", "9223372036854775807",
		"9223372036854775808", "18446744073709551615", "18446744073709551616", "1e300", "1e400"}
	for i, a := range ascending {
		for j, b := range ascending {
			want := 0
			if i < j {
				want = -1
			} else if i > j {
				want = 1
			}
			if got := parse(a).Compare(parse(b)); got != want {
				t.Errorf("%s against %s: %d, want %d", a, b, got, want)
			}
		}
	}
	for _, s := range []string{"", "-", "01", "1.", ".5", "1e", "+1", "0x1", "1_0", "NaN", "Infinity", "1 "} {
		if n, ok := ParseNumber([]byte(s)); ok {
			t.Errorf("%q read as %s", s, n)
		}
	}
	for _, pair := range [][2]string{{"5", "5.0"}, {"-0", "0"}, {"1e3", "1000"}, {"1e400", "2e400"}} {
		if parse(pair[0]) != parse(pair[1]) {
			t.Errorf("%s is not %s", pair[0], pair[1])
		}
	}
}

// FuzzCheck compares with encoding/json.
func FuzzCheck(f *testing.F) {
	for _, s := range []string{`{"a":[1,{"b":null}]}`, `"\ud800"`, `[1e5,-0.0]`, `{"a":1,"a":2}`, ` [ ] `} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		err := Check(b, 100)
		valid := json.Valid(b) && utf8.Valid(b)
		if err == nil && !valid {
			t.Fatalf("%q accepted", b)
		}
		if err != nil {
			ours := strings.Contains(err.Error(), "twice") || strings.Contains(err.Error(), "deeply")
			if valid && !ours {
				t.Fatalf("%q: %v", b, err)
			}
		}
		at := SkipSpace(b, 0)
		end := Skip(b, at) // must not panic, nor run over the end
		if end > len(b) {
			t.Fatalf("%q: end %d", b, end)
		}
		if err == nil && SkipSpace(b, end) != len(b) {
			t.Fatalf("%q: value ends at %d", b, end)
		}
	})
}

func FuzzString(f *testing.F) {
	for _, s := range []string{`"a\u00e9\ud83d\ude00\n"`, `"\ud800\u0041"`, `"\"\\"`, `"\/\b\f\r\t"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		end, _ := EndString(b, 0)
		if len(b) == 0 || b[0] != '"' || end != len(b) || Check(b, 0) != nil {
			_ = AppendUnquoted(nil, b)
			return
		}
		var want string
		if err := json.Unmarshal(b, &want); err != nil {
			t.Fatal(err)
		}
		got := string(AppendUnquoted(nil, b[1:len(b)-1]))
		if got != want {
			t.Fatalf("%q: %q, want %q", b, got, want)
		}
		var again string
		if err := json.Unmarshal(AppendQuoted(nil, got), &again); err != nil || again != got {
			t.Fatalf("%q quoted is read as %q, %v", got, again, err)
		}
	})
}

func FuzzNumber(f *testing.F) {
	for _, s := range []string{"0", "-1.5e300", "18446744073709551616", "9007199254740993", "1e-400"} {
		f.Add(s, "1")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		x, okX := ParseNumber([]byte(a))
		y, okY := ParseNumber([]byte(b))
		bare := KindOf([]byte(a), 0) == Num && !strings.ContainsAny(a, " \n\r\t")
		if okX != (bare && json.Valid([]byte(a))) {
			t.Fatalf("%q: %v", a, okX)
		}
		if !okX || !okY {
			return
		}
		if again, ok := ParseNumber(x.Append(nil)); !ok || again != x {
			t.Fatalf("%q is written %s", a, x)
		}
		if bits, form := x.Bits(); true {
			if again, ok := FromBits(bits, form); !ok || again != x {
				t.Fatalf("%q: bits", a)
			}
		}
		if got, want := x.Compare(y), big10(x).Cmp(big10(y)); got != want || (got == 0) != (x == y) {
			t.Fatalf("%s against %s: %d, want %d", x, y, got, want)
		}
	})
}

// big10 is n as an exact number.
func big10(n Number) *big.Float {
	if f := n.Float64(); math.IsInf(f, 0) {
		return new(big.Float).SetInf(f < 0)
	}
	v, _, err := big.ParseFloat(n.String(), 10, 2000, big.ToNearestEven)
	if err != nil {
		panic(err)
	}
	return v
}
