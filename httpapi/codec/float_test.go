package codec

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
)

// checkFloat compares our parser with strconv on one number.
func checkFloat(t *testing.T, s string) {
	t.Helper()
	n, ok := scanNumber([]byte(s), 0)
	if !ok || n.end != len(s) {
		t.Fatalf("%q is not read as a number (end %d)", s, n.end)
	}
	got, gotOK := n.float32([]byte(s))
	want, err := strconv.ParseFloat(s, 32)
	if gotOK != (err == nil) {
		t.Fatalf("%q: ok %v, want %v", s, gotOK, err)
	}
	// The fast way must agree wherever it answers; it wants something behind.
	if f, end, ok := fastFloat([]byte(s+","+s+"        "), 0); ok &&
		(end != len(s) || err != nil || math.Float32bits(f) != math.Float32bits(float32(want))) {
		t.Fatalf("%q: fast way got %x up to %d, want %x", s, math.Float32bits(f), end,
			math.Float32bits(float32(want)))
	}
	if gotOK && math.Float32bits(got) != math.Float32bits(float32(want)) {
		t.Fatalf("%q: got %x, want %x", s, math.Float32bits(got), math.Float32bits(float32(want)))
	}
}

func TestFloat32MatchesStrconv(t *testing.T) {
	for _, s := range []string{
		"0", "-0", "0.0", "1", "-1", "0.1", "1e10", "1E-10", "3.4028235e38", "3.4028236e38",
		"3.40282356779733661637539395458142568447e38", // the last that rounds down to MaxFloat32
		"3.40282356779733661637539395458142568448e38", // the first that overflows
		"1e400", "-1e400", "1e-400", "1.17549435e-38", "1.401298464324817e-45", "7e-46",
		"0.000000000000000000000000000000000000000001",
		"123456789012345678901234567890", "0.12345678901234567890123456789",
		"16777217", "16777217.0000001", "16777219", "33554434.9999999999999999",
		"9007199254740993", "18446744073709551615", "18446744073709551616",
		"1.00000005960464477539062", "1.00000005960464477539063", "1.000000059604644775390625",
		"00000000.5"[7:], "8388608.5", "8388609.5", "1e22", "1e23", "1e-22", "1e-23",
	} {
		checkFloat(t, s)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 50_000 {
		f := math.Float32frombits(r.Uint32())
		if f != f || math.IsInf(float64(f), 0) {
			continue
		}
		for _, bits := range []int{32, 64} {
			checkFloat(t, strconv.FormatFloat(float64(f), 'g', -1, bits))
		}
		// The neighbourhood of the middle between two floats is where two
		// roundings go wrong.
		mid := (float64(f) + float64(math.Nextafter32(f, 0))) / 2
		for _, x := range []float64{mid, math.Nextafter(mid, 0), math.Nextafter(mid, 9e99)} {
			checkFloat(t, strconv.FormatFloat(x, 'e', -1, 64))
			checkFloat(t, strconv.FormatFloat(x, 'e', 18, 64))
		}
		checkFloat(t, strconv.FormatFloat(r.NormFloat64(), 'f', int(r.Uint32N(22)), 64))
	}
}

func TestNotNumbers(t *testing.T) {
	for _, s := range []string{"", "-", "+1", ".5", "1.", "01", "-01", "1e", "1e+", "1.e5", "--1",
		"NaN", "Infinity", "0x10", "e5", "٣"} {
		if n, ok := scanNumber([]byte(s), 0); ok && n.end == len(s) {
			t.Errorf("%q is read as a number", s)
		}
	}
}

func TestInt64(t *testing.T) {
	f := func(s string, want int64, ok bool) {
		t.Helper()
		n, _ := scanNumber([]byte(s), 0)
		if got, gotOK := n.int64([]byte(s)); gotOK != ok || (ok && got != want) {
			t.Errorf("%s: got %d %v", s, got, gotOK)
		}
	}
	f("0", 0, true)
	f("-7", -7, true)
	f("10.0", 10, true)
	f("1e2", 100, true)
	f("1.5", 0, false)
	f("9223372036854775807", math.MaxInt64, true)
	f("9223372036854775808", 0, false)
	f("99999999999999999999", 0, false)
	f("1e400", 0, false)
}

func FuzzFloat32(f *testing.F) {
	for _, s := range []string{"0.1", "1e-45", "16777217", "1.000000059604644775390625"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, ok := scanNumber([]byte(s), 0)
		if !ok {
			return
		}
		checkFloat(t, s[:n.end])
	})
}

// vectorJSON is a JSON array of n random components with a number of digits.
func vectorJSON(n, digits int) []byte {
	r := rand.New(rand.NewPCG(3, 4))
	b := []byte{'['}
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		if digits > 0 {
			b = strconv.AppendFloat(b, r.NormFloat64()/16, 'g', digits, 64)
		} else {
			b = strconv.AppendFloat(b, float64(float32(r.NormFloat64()/16)), 'g', -1, 32)
		}
	}
	return append(b, ']')
}
