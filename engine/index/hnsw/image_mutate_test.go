package hnsw

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/index/image"
)

// TestMutatedSections changes words of sections behind right checksums.
func TestMutatedSections(t *testing.T) {
	x, _ := churned(t, 150, 3)
	img := writeImage(t, x)
	r, err := image.NewReader(bytes.NewReader(img), int64(len(img)))
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(11, 11))
	accepted := 0
	for range 300 {
		var parts [5][]byte
		for i, name := range sectionNames {
			if parts[i], err = r.ReadAll(name, 1<<20); err != nil {
				t.Fatal(err)
			}
		}
		for range 1 + rnd.IntN(3) {
			p := parts[rnd.IntN(5)]
			at := rnd.IntN(len(p)/4) * 4
			p[at+rnd.IntN(2)] = byte(rnd.Uint32())
		}
		if tryParts(t, parts) {
			accepted++
		}
	}
	t.Logf("%d of 300 accepted", accepted)
}
