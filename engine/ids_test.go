package engine

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// TestIDTable compares the table with a map over random changes, images and
// compactions.
func TestIDTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table, want := newIDTable(), map[uint32]string{}
		for range rapid.IntRange(1, 200).Draw(t, "n") {
			row := rapid.Uint32Range(0, 3000).Draw(t, "row")
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0, 1:
				table.Clear(row)
				delete(want, row)
			case 2:
				table.compact()
			case 3:
				back, err := loadIDTable(table.AppendImage(nil), 3001)
				if err != nil {
					t.Fatal(err)
				}
				table = back
			default:
				id := rapid.StringN(1, -1, 256).Draw(t, "id")
				table.Set(row, id)
				want[row] = id
			}
			table.Publish()
			if table.Len() != len(want) {
				t.Fatalf("%d ids, want %d", table.Len(), len(want))
			}
		}
		for row := range uint32(3001) {
			if got := string(table.Get(row)); got != want[row] {
				t.Fatalf("row %d: %q, want %q", row, got, want[row])
			}
		}
	})
}

// TestIDTableMemory churns every row and demands that garbage does not pile up.
func TestIDTableMemory(t *testing.T) {
	table := newIDTable()
	const rows = 20000
	var second int64
	for cycle := range 20 {
		for row := range uint32(rows) {
			table.Set(row, fmt.Sprintf("id-%d-%08d", cycle, row))
		}
		if cycle == 1 {
			second = table.Bytes()
		}
	}
	if got := table.Bytes(); got > second*5/4 {
		t.Fatalf("%d bytes after 20 cycles, %d after the second", got, second)
	}
}

// TestIDTableConcurrent reads beside the writer: a reader sees an id that the row
// had at some time, whole.
func TestIDTableConcurrent(t *testing.T) {
	table := newIDTable()
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for w := range 2 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 1))
			for {
				select {
				case <-stop:
					return
				default:
				}
				row := uint32(r.IntN(500))
				id := string(table.Get(row))
				var gotRow uint32
				var n int
				if id == "" {
					continue
				}
				if _, err := fmt.Sscanf(id, "row%d-%d", &gotRow, &n); err != nil || gotRow != row {
					t.Errorf("row %d: %q", row, id)
					return
				}
			}
		})
	}
	for n := range 200000 {
		row := uint32(n % 500)
		if n%7 == 0 {
			table.Clear(row)
			continue
		}
		table.Set(row, fmt.Sprintf("row%d-%d", row, n))
	}
	close(stop)
	wg.Wait()
}

func FuzzLoadIDTable(f *testing.F) {
	table := newIDTable()
	table.Set(3, "three")
	table.Set(700, "seven")
	f.Add(table.AppendImage(nil))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := loadIDTable(b, 1000)
		if err != nil {
			return
		}
		again, err := loadIDTable(got.AppendImage(nil), 1000)
		if err != nil || again.Len() != got.Len() {
			t.Fatal(err)
		}
	})
}
