package payload

import (
	"fmt"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/vectorizer-go/vectorizer/engine/filter"
)

// TestVersion holds Version to what it promises where no row changes: a payload that
// only adds something at a path beyond the limit makes a filter on it unknown.
func TestVersion(t *testing.T) {
	x := New(nil)
	text := `{`
	for i := range MaxAutoPaths {
		text += fmt.Sprintf(`"p%d":1,`, i)
	}
	set := func(row uint32, more string) { x.Set(row, []byte(text+more)) }
	set(0, `"p0":1}`)
	before := x.Version()
	set(0, `"p0":1}`)
	if x.Version() != before {
		t.Error("the same payload made another version")
	}
	f, err := filter.Parse([]byte(`{"beyond":1}`))
	if err != nil {
		t.Fatal(err)
	}
	exact := func() bool {
		return x.Select(f, roaring.BitmapOf(0), func(string) (uint32, bool) { return 0, false }).Exact
	}
	if !exact() {
		t.Fatal("nothing is there, and the index does not know")
	}
	set(0, `"p0":1,"beyond":1}`)
	if exact() {
		t.Fatal("the index knows of a path that it does not index: nothing is tested")
	}
	if x.Version() == before {
		t.Error("what Select found exact is so no more, at the same version")
	}
	before = x.Version()
	x.Clear(0)
	if x.Version() == before {
		t.Error("a row was cleared, at the same version")
	}
}
