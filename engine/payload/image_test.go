package payload

import (
	"bytes"
	"errors"
	"testing"
)

func imageOf(t testing.TB, x *Index) []byte {
	t.Helper()
	var b bytes.Buffer
	n, err := x.WriteTo(&b)
	if err != nil || n != int64(b.Len()) {
		t.Fatalf("WriteTo: %d bytes, %v, buffer has %d", n, err, b.Len())
	}
	return b.Bytes()
}

func TestImageKeepsEverything(t *testing.T) {
	for seed := range uint64(6) {
		names := [][]string{nil, nil, {"a", "b.c", `"x.y"`}}[seed%3]
		g, m, x := newGenerator(seed), newModel(), New(names)
		step := func(x *Index) {
			row := uint32(g.IntN(200))
			if g.IntN(5) == 0 {
				x.Clear(row)
				m.clear(row)
				return
			}
			p := g.object(3)
			x.Set(row, []byte(p))
			m.set(row, p)
		}
		for range 400 {
			step(x)
		}
		y, err := ReadFrom(bytes.NewReader(imageOf(t, x)), names, 199)
		if err != nil {
			t.Fatal(err)
		}
		for range 100 {
			text := g.filter(2)
			a, b := m.check(t, x, text), m.check(t, y, text)
			if !a.Bitmap.Equals(b.Bitmap) || a.Exact != b.Exact {
				t.Fatalf("%s: %v before, %v after", text, a.Bitmap, b.Bitmap)
			}
		}
		for range 200 { // the entries of rows must be right too
			step(y)
		}
		for range 100 {
			m.check(t, y, g.filter(2))
		}
		if !bytes.Equal(imageOf(t, y), imageOf(t, y)) {
			t.Error("two images of one index differ")
		}
	}
}

func TestImageRefusesDamage(t *testing.T) {
	g, x := newGenerator(1), New(nil)
	for row := range uint32(50) {
		x.Set(row, []byte(g.object(2)))
	}
	img := imageOf(t, x)
	for i := 0; i < len(img); i += 1 + i/200 {
		for _, flip := range []byte{1, 0x80} {
			bad := bytes.Clone(img)
			bad[i] ^= flip
			if _, err := ReadFrom(bytes.NewReader(bad), nil, 1000); err == nil {
				t.Fatalf("byte %d changed: accepted", i)
			}
		}
		if _, err := ReadFrom(bytes.NewReader(img[:i]), nil, 1000); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("cut at %d: %v", i, err)
		}
	}
	if _, err := ReadFrom(bytes.NewReader(img), []string{"a"}, 1000); !errors.Is(err, ErrOtherPaths) {
		t.Fatalf("other paths: %v", err)
	}
	if _, err := ReadFrom(bytes.NewReader(img), nil, 10); !errors.Is(err, ErrCorrupt) {
		t.Fatalf("rows beyond the limit: %v", err)
	}
}

// FuzzReadFrom changes the body of an image and mends its checksum, so that the
// decoder itself is tested.
func FuzzReadFrom(f *testing.F) {
	for seed := range uint64(4) {
		g, x := newGenerator(seed), New(nil)
		for row := range uint32(2) { // small: the fuzzer shrinks what it finds
			x.Set(row, []byte(g.object(1)))
		}
		f.Add(imageOf(f, x))
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, img []byte) {
		if len(img) > 4 {
			img = mend(img)
		}
		x, err := ReadFrom(bytes.NewReader(img), nil, 300)
		if err != nil {
			return
		}
		g := newGenerator(9)
		for row := range uint32(30) {
			x.Set(row, []byte(g.object(2)))
		}
		y, err := ReadFrom(bytes.NewReader(imageOf(t, x)), nil, 300)
		if err != nil {
			t.Fatalf("an index that was read writes what cannot be read: %v", err)
		}
		if got, want := len(y.Paths()), len(x.Paths()); got != want {
			t.Fatalf("%d paths, want %d", got, want)
		}
	})
}
