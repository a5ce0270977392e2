package crashtest

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/vectorizer-go/vectorizer/bench/measure"
)

// copyMemory is what a full copy may need at either end, whatever its size: caches
// and memtables of the store are in it.
const copyMemory = 512 << 20

// TestLargeFullSync: a replica fetches a large copy, and neither node needs
// memory for its size.
func TestLargeFullSync(t *testing.T) {
	const payload = 400_000
	m := startMaster(t, "VECTORIZER_FSYNC=off")
	m.http.ask(t, "POST", "/api/v1/collections", object{"name": "large", "dimension": dimension}, nil)
	rng := rand.New(rand.NewPCG(1, 2))
	text := make([]byte, payload)
	for i := range copyBytes / payload {
		for j := range text { // which does not compress to nothing
			text[j] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"[rng.Uint32()>>26]
		}
		vector := make([]float32, dimension)
		vector[0], vector[1] = 1, float32(i)
		m.http.ask(t, "POST", "/api/v1/collections/large/vectors", object{"vectors": []object{
			{"id": fmt.Sprint("id", i), "vector": vector, "payload": object{"text": string(text)}}}}, nil)
	}
	before := anonymous(t, m)
	begin := time.Now()
	r := startMember(t, "replica", m.peer, "VECTORIZER_FSYNC=off")
	var most [2]int64
	for r.status().Position != m.status().Position {
		for i, n := range []*member{m, r} {
			most[i] = max(most[i], anonymous(t, n))
		}
		if time.Since(begin) > 5*time.Minute {
			t.Fatal("no full copy within five minutes")
		}
		<-time.After(5 * time.Millisecond)
	}
	took, size := time.Since(begin), r.status().Stats.SnapshotSize
	t.Logf("%d bytes in %v; memory of the master %d, before %d, of the replica %d",
		size, took, most[0], before, most[1])
	if size < copyBytes {
		t.Errorf("the copy had %d bytes", size)
	}
	if most[0]-before > copyMemory || most[1] > copyMemory {
		t.Errorf("memory of the master %d, before %d, of the replica %d", most[0], before, most[1])
	}
	r.ready()
	var got record
	last := fmt.Sprint("id", copyBytes/payload-1)
	r.http.ask(t, "GET", "/api/v1/collections/large/vectors/"+last, nil, &got)
	if got.ID != last {
		t.Errorf("%+v", got)
	}
}

// anonymous is the memory of a process that is no file; 0 where that is not told.
func anonymous(t *testing.T, m *member) int64 {
	t.Helper()
	u, err := measure.UsageOf(m.cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	return u.RSSAnon
}
