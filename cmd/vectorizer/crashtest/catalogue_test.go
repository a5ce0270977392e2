package crashtest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// catalogue is a worker that makes, fills, renames and deletes collections.
type catalogue struct {
	rnd   *rand.Rand
	next  int
	acked map[string]int // name → vectors
	// pending is acked as the request without an answer would make it; nil when
	// there is none.
	pending map[string]int
}

func newCatalogue(seed uint64) *catalogue {
	return &catalogue{rnd: rand.New(rand.NewPCG(seed, 99)), acked: map[string]int{}}
}

// work sends requests until the connection fails.
func (k *catalogue) work(url string) error {
	c := newCaller(url)
	defer c.close()
	for {
		method, path, body := k.request()
		var text string
		status, err := c.try(method, path, body, &text)
		switch {
		case err != nil:
			return nil
		case status != 200:
			return fmt.Errorf("%s %s: status %d: %.300s", method, path, status, text)
		}
		k.acked, k.pending = k.pending, nil
	}
}

func (k *catalogue) request() (method, path string, body any) {
	names := slices.Sorted(maps.Keys(k.acked))
	k.pending = maps.Clone(k.acked)
	k.next++
	name := fmt.Sprintf("temp-%d", k.next)
	if len(names) < 2 || k.rnd.IntN(4) == 0 && len(names) < 5 {
		k.pending[name] = 0
		return "POST", "/api/v1/collections", object{"name": name, "dimension": 3, "metric": "dot"}
	}
	old := names[k.rnd.IntN(len(names))]
	one := "/api/v1/collections/" + escape(old)
	switch k.rnd.IntN(3) {
	case 0:
		delete(k.pending, old)
		return "DELETE", one, nil
	case 1:
		delete(k.pending, old)
		k.pending[name] = k.acked[old]
		return "POST", one + "/rename", object{"new_name": name}
	}
	k.pending[old]++
	return "POST", one + "/vectors", object{"vectors": []object{
		{"id": fmt.Sprint(k.acked[old]), "vector": []float32{1, 2, float32(k.next)}}}}
}

// check compares the collections that are there.
func (k *catalogue) check(t *testing.T, c *caller) {
	t.Helper()
	var list struct {
		Collections []struct {
			Name  string `json:"name"`
			Count int    `json:"vector_count"`
		} `json:"collections"`
	}
	c.ask(t, "GET", "/api/v1/collections", nil, &list)
	got := map[string]int{}
	for _, one := range list.Collections {
		if strings.HasPrefix(one.Name, "temp-") {
			got[one.Name] = one.Count
		}
	}
	switch {
	case maps.Equal(got, k.acked):
	case k.pending != nil && maps.Equal(got, k.pending):
	default:
		t.Errorf("collections %v, want %v or %v", got, k.acked, k.pending)
	}
	k.acked, k.pending = got, nil
}

// stopping reports whether err is what a server that shuts down answers.
func stopping(err error) bool {
	return strings.Contains(err.Error(), "shutting_down") || strings.Contains(err.Error(), "status 503")
}
