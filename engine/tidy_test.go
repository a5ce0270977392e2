package engine

import (
	"context"
	"fmt"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// TestFewDeletionsAreRepaired deletes fewer rows than are worth a pass while
// writers are busy: when they are not, the rows are freed all the same.
func TestFewDeletionsAreRepaired(t *testing.T) {
	e := openTest(t, Options{Fsync: FsyncOff})
	create(t, e, "a", 8, compute.L2)
	bulk(t, e, "a", 0, 500)
	ctx := context.Background()
	if err := e.WaitIndexed(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	var ops []Op
	for i := range 3 {
		ops = append(ops, Op{Kind: OpDelete, ID: fmt.Sprint(i)})
	}
	if _, err := e.Write(ctx, Mutation{Collection: "a", Ops: ops}); err != nil {
		t.Fatal(err)
	}
	info := func() CollectionInfo {
		i, err := e.Collection("a")
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	if n := info().Deleted; n > 3 {
		t.Fatalf("%d rows wait for repair, want at most 3", n)
	}
	eventually(t, func() bool { return info().Deleted == 0 })
	if n := info().VectorCount; n != 497 {
		t.Fatalf("%d records, want 497", n)
	}
}
