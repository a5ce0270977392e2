//go:build unix

package httpapi

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/vectorizer-go/vectorizer/engine/compute"
	"github.com/vectorizer-go/vectorizer/engine/compute/computetest"
	"github.com/vectorizer-go/vectorizer/gpu"
	"github.com/vectorizer-go/vectorizer/gpu/emu"
)

// emulatedDevice is a device that 12 MiB of matrices fit into, beside a slow host.
func emulatedDevice(t *testing.T) []compute.Backend {
	t.Helper()
	program, err := emu.Build("..")
	if err != nil {
		t.Fatal(err)
	}
	device, err := gpu.Open(gpu.Options{
		Driver: emu.New(emu.Options{Program: program, MemoryBytes: 64 << 20}), HangAfter: time.Minute,
		StageBytes: 1 << 20, Lanes: 2, Queries: 32, ListKeys: 1024,
		ReserveBytes: 52 << 20, HostBytes: 64 << 20, TileBytes: 1 << 20,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := device.Close(); err != nil {
			t.Error(err)
		}
	})
	return []compute.Backend{device, computetest.Slow{PerComponent: 250 * time.Nanosecond}}
}

// TestTiledCollection: a collection that the device has no room for says so, and is
// searched there all the same; answers are those of its vectors.
func TestTiledCollection(t *testing.T) {
	const n, dim = 300, 4096
	e := startOn(t, emulatedDevice(t), nil)
	e.collection("big", dim, "euclidean")
	r := rand.New(rand.NewPCG(9, 9))
	rows := make([][]float32, n)
	for i := range rows {
		rows[i] = make([]float32, dim)
		for j := range rows[i] {
			rows[i][j] = r.Float32()
		}
	}
	e.vectors("big", rows)
	search := func(i int) map[string]any {
		t.Helper()
		m := e.send("POST", "/api/v1/collections/big/search",
			map[string]any{"vector": rows[i], "limit": 3, "exact": true, "explain": true}).ok()
		hits, _ := m["results"].([]any)
		if len(hits) != 3 || hits[0].(map[string]any)["id"] != fmt.Sprint(i) {
			t.Fatalf("search for vector %d: %v", i, m["results"])
		}
		x, _ := m["explain"].(map[string]any)
		return x
	}
	var x map[string]any
	for end := time.Now().Add(time.Minute); ; {
		if x = search(7); strings.HasPrefix(fmt.Sprint(x["backend_choice"]), "tiled") {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("not in tiles: %v", x)
		}
	}
	if x["backend"] != "emu:0" {
		t.Errorf("%v", x)
	}
	rows[11] = rows[0]
	e.send("PUT", "/collections/big/vectors/11", map[string]any{"vector": rows[11]}).ok()
	rows[0] = rows[12]
	e.send("PUT", "/collections/big/vectors/0", map[string]any{"vector": rows[0]}).ok()
	rows[12] = rows[13]
	e.send("DELETE", "/collections/big/vectors/12", nil).ok()
	search(11)
	search(0)
	status, _ := e.send("GET", "/api/v1/collections/big", nil).ok()["indexing_status"].(map[string]any)
	device, _ := status["device"].(map[string]any)
	bytes, _ := device["host_bytes"].(float64)
	if device["state"] != "tiled" || bytes < n*dim*4 || device["bytes"] != 0.0 {
		t.Errorf("%v", device)
	}
	metrics := string(e.send("GET", "/metrics", nil).body)
	for _, want := range []string{
		fmt.Sprintf("vectorizer_backend_tiled_bytes{backend=\"emu:0\"} %v", device["host_bytes"]),
		`vectorizer_backend_batches_total{backend="emu:0",reason="tiled"} `,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s in\n%s", want, metrics)
		}
	}
}
