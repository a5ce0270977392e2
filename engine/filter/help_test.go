package filter

import (
	"testing"
	"time"

	"github.com/vectorizer-go/vectorizer/engine/filter/rawjson"
)

// validPayload reports whether a payload could be stored.
func validPayload(p string) bool {
	at := rawjson.SkipSpace([]byte(p), 0)
	return at == len(p) || rawjson.KindOf([]byte(p), at) == rawjson.Object &&
		rawjson.Check([]byte(p), 64) == nil
}

// FuzzParseTime compares with package time.
func FuzzParseTime(f *testing.F) {
	for _, s := range []string{"2024-02-29T23:59:59.999999999Z", "2023-02-29", "2024-05-01 12:00",
		"2024-05-01T12:00:00+05:30", "0000-01-01T00:00:00-00:01", "9999-12-31T23:59:59.9Z", "2024-13-01",
		"0000-02-01 00:00+00:60", "2024-01-01T00:00:00+24:00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := ParseTime([]byte(s))
		if want, valid := oracleTime(s); valid {
			year := time.UnixMicro(want).UTC().Year()
			if ok != (year >= 0 && year <= 9999) || ok && got != want {
				t.Fatalf("%q: %d, %v; package time says %d", s, got, ok, want)
			}
		}
		if !ok {
			return
		}
		text := appendTime(nil, got)
		if again, ok := ParseTime(text); !ok || again != got {
			t.Fatalf("%q is written %s, which is read as %d, %v; want %d", s, text, again, ok, got)
		}
	})
}
