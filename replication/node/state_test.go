package node

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/vectorizer-go/vectorizer/replication"
)

// Defect: votes-in-memory.
func TestStateSurvives(t *testing.T) {
	dir := t.TempDir()
	if s, err := readState(dir); err != nil || s.Role != "" {
		t.Fatalf("%+v %v", s, err)
	}
	want := state{ConfigRole: "replica", ConfigMaster: "m:1", Promise: replication.Promise{
		Epoch: 7, Role: replication.Master, Members: []replication.Member{{ID: "x",
			Address: replication.Address{Peer: "x:1", API: "http://x"}}}}, LogEntries: 5}
	if err := want.write(dir); err != nil {
		t.Fatal(err)
	}
	got, err := readState(dir)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v %v", got, err)
	}
	if err := os.WriteFile(filepath.Join(dir, stateFile), []byte(`{"role":"king"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readState(dir); err == nil {
		t.Error("a damaged state was read")
	}
}

func FuzzStats(f *testing.F) {
	f.Add([]byte(`{"bytes_sent":3,"full_syncs":{"empty":1},"replicas":[{"id":"a","offset":7,"heard_us":5}]}`))
	f.Fuzz(func(_ *testing.T, b []byte) { _ = decodeStats(b, &keptStats{}) })
}

func FuzzState(f *testing.F) {
	f.Add([]byte(`{"config_role":"master","role":"replica","promise":{"epoch":3,"master":{"peer":"a:1"}}}`))
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = decodeState(b) })
}
