package cpulevel

import "testing"

func TestChoose(t *testing.T) {
	x86 := []Level{Generic, AVX2, AVX512}
	arm := []Level{Generic, NEON}
	f := func(have []Level, limit string, want Level) {
		t.Helper()
		if got := choose(have, limit, false); got != want {
			t.Fatalf("choose(%v, %q) = %v, want %v", have, limit, got, want)
		}
	}
	for limit, want := range map[string]Level{"": AVX512, "nonsense": AVX512, "avx2": AVX2, "generic": Generic} {
		if got := choose(x86, limit, true); got != want {
			t.Fatalf("choose(%q) where wide code pays = %v, want %v", limit, got, want)
		}
	}
	f(x86, "", AVX2)
	f(x86, "nonsense", AVX2)
	f(x86, "avx512", AVX512)
	f(x86, "AVX2", AVX2)
	f(x86, "generic", Generic)
	f(x86[:2], "avx512", AVX2)
	f(x86[:1], "avx512", Generic)
	f(arm, "", NEON)
	f(arm, "neon", NEON)
	f(arm, "avx2", NEON)
	f(arm, "generic", Generic)
}

func TestParse(t *testing.T) {
	for l := Generic; l <= NEON; l++ {
		if got, ok := Parse(l.String()); !ok || got != l {
			t.Fatalf("Parse(%q) = %v, %v", l.String(), got, ok)
		}
	}
	if _, ok := Parse("sse9"); ok {
		t.Fatal("Parse accepted sse9")
	}
}

func TestCapError(t *testing.T) {
	f := func(limit string, bad bool) {
		t.Helper()
		if err := capError([]Level{Generic, AVX2}, limit); (err != nil) != bad {
			t.Fatalf("capError(%q) = %v", limit, err)
		}
	}
	f("", false)
	f("avx2", false)
	f("generic", false)
	f("avx512", true)
	f("avx999", true)
}
