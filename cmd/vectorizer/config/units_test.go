package config

import (
	"testing"
	"time"
)

func TestParseSize(t *testing.T) {
	f := func(text string, want int64) {
		t.Helper()
		if got, err := ParseSize(text); err != nil || got != want {
			t.Errorf("%q: %d, %v; want %d", text, got, err, want)
		}
	}
	f("0", 0)
	f("0B", 0)
	f("512B", 512)
	f("64MiB", 64<<20)
	f(" 64 MiB ", 64<<20)
	f("1.5KiB", 1536)
	f("2kB", 2000)
	f("2KB", 2000)
	f("1TB", 1e12)
	bad := func(text string) {
		t.Helper()
		if got, err := ParseSize(text); err == nil {
			t.Errorf("%q: accepted as %d", text, got)
		}
	}
	bad("")
	bad("64")
	bad("64M")
	bad("B")
	bad("-1B")
	bad("NaNB")
	bad("InfGiB")
	bad("9999999999TiB")
	bad("1e300TiB")
	bad("1 2 MiB")
}

func TestFormat(t *testing.T) {
	f := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	f(FormatSize(0), "0B")
	f(FormatSize(1), "1B")
	f(FormatSize(1000), "1kB")
	f(FormatSize(1<<30), "1GiB")
	f(FormatSize(1<<30+1), "1073741825B")
	f(FormatDuration(time.Hour), "1h")
	f(FormatDuration(90*time.Second), "1m30s")
	f(FormatDuration(2*time.Minute), "2m")
	f(FormatDuration(100*time.Millisecond), "100ms")
}

func FuzzParseSize(f *testing.F) {
	for _, s := range []string{"0", "64MiB", "1.5GB", "-1B", "x", "9223372036854775807B"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := ParseSize(s)
		if err != nil {
			return
		}
		if n < 0 {
			t.Fatalf("%q gives %d", s, n)
		}
		if again, err := ParseSize(FormatSize(n)); err != nil || again != n {
			t.Fatalf("%q gives %d, shown as %q, read back as %d, %v", s, n, FormatSize(n), again, err)
		}
	})
}

func TestDistance(t *testing.T) {
	f := func(a, b string, want int) {
		t.Helper()
		if got := distance(a, b); got != want {
			t.Errorf("%q %q: %d, want %d", a, b, got, want)
		}
	}
	f("", "", 0)
	f("", "abc", 3)
	f("port", "prot", 1)
	f("backned", "backend", 1)
	f("kitten", "sitting", 3)
}
