package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/errs"
	"github.com/vectorizer-go/vectorizer/engine/store"
)

// graphM is the number of neighbours that the graph which serves was built for.
func graphM(t testing.TB, c *collection) int {
	t.Helper()
	v, err := c.acquire()
	if err != nil {
		t.Fatal(err)
	}
	defer v.release()
	return v.graph.Config().M
}

// TestReplicaFollowsEachReindex: a replica that gets a second reindex while it
// follows the first ends with the second's graph; and the image that it then
// writes is of that graph, although no log entry came between: the next start
// builds nothing. (Before: the second was given up, and the image kept the old
// graph under the new one's name.)
func TestReplicaFollowsEachReindex(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	master := openTest(t, Options{})
	replica := openTest(t, Options{Dir: dir})
	create(t, master, "a", 4, compute.L2)
	rng := rand.New(rand.NewPCG(5, 5))
	for i := range 300 {
		upsert(t, master, "a", fmt.Sprint(i), []float32{rng.Float32(), rng.Float32(), 1, 2}, "")
	}
	ship(t, master, replica, 1<<20)
	c, err := replica.cat.find("a")
	if err != nil {
		t.Fatal(err)
	}
	c.following.mu.Lock()
	for _, m := range []int{8, 12} {
		if err := master.Reindex(ctx, "a", HNSWConfig{M: m, EfConstruction: 60}); err != nil {
			t.Fatal(err)
		}
		ship(t, master, replica, 1<<20)
	}
	err = replica.Flush(ctx) // an image of the old graph, at the last entry
	c.following.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return graphM(t, c) == 12 })
	eventually(t, func() bool {
		c.imaging.Lock() // an image is written right after the exchange
		defer c.imaging.Unlock()
		im := c.image.Load()
		return im != nil && c.swaps.Load() > 0 && len(im.File) > len("00000001-0000000000000001.img")
	})
	sameAnswers(t, master, replica, "a", 4)
	if err := replica.Close(); err != nil {
		t.Fatal(err)
	}
	replica = openTest(t, Options{Dir: dir})
	info, err := replica.Collection("a")
	if err != nil || info.Rebuilt != "" || info.HNSW.M != 12 {
		t.Errorf("%+v, %v", info, err)
	}
	sameAnswers(t, master, replica, "a", 4)
}

// TestReplicaWithDamageDiverges: an entry that meets a damaged record says that
// another copy is needed; it is not tried for ever. (Original: one entry that
// could not be applied was sent again without end.)
// Defect: poison-entry.
func TestReplicaWithDamageDiverges(t *testing.T) {
	master, replica := openTest(t, Options{}), openTest(t, Options{})
	create(t, master, "a", 4, compute.L2)
	for i := range 9 {
		upsert(t, master, "a", fmt.Sprint(i), []float32{float32(i), 1, 2, 3}, `{"x":1}`)
	}
	ship(t, master, replica, 1<<20)
	c, err := replica.cat.find("a")
	if err != nil {
		t.Fatal(err)
	}
	b := replica.store.NewBatch()
	defer b.Close()
	if err := b.Set(store.AppendRecordKey(nil, c.id, "7"), []byte("not a record"), nil); err != nil {
		t.Fatal(err)
	}
	if err := replica.store.Commit(b, true); err != nil {
		t.Fatal(err)
	}
	_, err = master.Write(context.Background(), Mutation{Collection: "a", Ops: []Op{
		{Kind: OpUpdate, ID: "7", Payload: []byte(`{"x":2}`)}}})
	if err != nil {
		t.Fatal(err)
	}
	buf, _, err := master.AppendLog(nil, replica.LogPosition().Offset+1, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	before := replica.LogPosition()
	if _, err = replica.ApplyLog(context.Background(), buf); errs.KindOf(err) != errs.Diverged {
		t.Errorf("%v", err)
	}
	if replica.LogPosition() != before {
		t.Error("a part of it was committed")
	}
}

// TestRoom: a copy that the disk has no room for is refused before it begins.
func TestRoom(t *testing.T) {
	q := &quotaFS{FS: vfs.NewMem()}
	q.free.Store(10 << 20)
	e := openTest(t, Options{FS: q, Dir: "data", MinFreeBytes: 1 << 20})
	if err := e.Room(1 << 20); err != nil {
		t.Error(err)
	}
	if err := e.Room(10 << 20); errs.KindOf(err) != errs.StorageFull {
		t.Errorf("%v", err)
	}
}
