package payload

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/vectorizer-go/vectorizer/engine/filter"
)

// generator makes random payloads and filters over a small world of names and
// values, so that filters hit.
type generator struct{ *rand.Rand }

func newGenerator(seed uint64) generator {
	return generator{rand.New(rand.NewPCG(seed, 7))}
}

func (g generator) pick(list ...string) string { return list[g.IntN(len(list))] }

func (g generator) name() string { return g.pick("a", "b", "c", "n", "loc", "x.y") }

func (g generator) scalar() string {
	switch g.IntN(12) {
	case 0:
		return "null"
	case 1:
		return g.pick("true", "false")
	case 2, 3, 4:
		return strconv.Itoa(g.IntN(6))
	case 5:
		return g.pick("2.0", "2.5", "-1e0", "9007199254740993", "9007199254740992", "18446744073709551615",
			"1e400", "0.1", "-0", "9223372036854775807")
	case 6:
		return strconv.Quote(g.pick("2024-05-01T12:00:00Z", "2024-05-01", "2023-01-01T00:00:00+02:00",
			"2024-05-01 12:00:00.000001"))
	case 7:
		return strconv.Quote(strings.Repeat("long", 65) + g.pick("a", "b"))
	}
	return g.pick(`"red"`, `"green"`, `"blue"`, `"r\u0065d"`, `""`, `"redgreen"`)
}

func (g generator) value(depth int) string {
	switch n := g.IntN(10); {
	case n < 2 && depth > 0:
		var parts []string
		for range g.IntN(4) {
			parts = append(parts, g.value(depth-1))
		}
		return "[" + strings.Join(parts, ",") + "]"
	case n < 4 && depth > 0:
		return g.object(depth - 1)
	case n == 4:
		return fmt.Sprintf(`{"lat":%d,"lon":%d}`, g.IntN(20)-10, g.IntN(20)-10)
	}
	return g.scalar()
}

func (g generator) object(depth int) string {
	seen := map[string]bool{}
	var parts []string
	for range g.IntN(5) {
		name := g.name()
		if !seen[name] {
			seen[name] = true
			parts = append(parts, strconv.Quote(name)+":"+g.value(depth))
		}
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func (g generator) key() string {
	var parts []string
	for range 1 + g.IntN(2) {
		name := g.name()
		if name == "x.y" {
			name = `"x.y"`
		}
		switch g.IntN(12) {
		case 0:
			name += "[]"
		case 1:
			name += "[" + strconv.Itoa(g.IntN(2)) + "]"
		}
		parts = append(parts, name)
	}
	return strconv.Quote(strings.Join(parts, "."))
}

// plain returns a scalar that a condition may compare with.
func (g generator) plain() string {
	for {
		if s := g.scalar(); s != "null" {
			return s
		}
	}
}

func (g generator) list() string {
	parts := []string{g.plain()}
	for range g.IntN(12) {
		parts = append(parts, g.plain())
	}
	return "[" + strings.Join(parts, ",") + "]"
}

func (g generator) bounds() string {
	if g.IntN(4) == 0 {
		return fmt.Sprintf(`{%q:%q}`, g.pick("gt", "gte", "lt", "lte"),
			g.pick("2024-05-01T12:00:00Z", "2023-01-01", "2024-05-01T12:00:00.000001Z"))
	}
	low := g.pick("0", "1", "2", "2.5", "-1", "9007199254740992", "9007199254740993")
	switch g.IntN(3) {
	case 0:
		return fmt.Sprintf(`{%q:%s}`, g.pick("gt", "gte", "lt", "lte"), low)
	case 1:
		return fmt.Sprintf(`{%q:%s,%q:3}`, g.pick("gt", "gte"), low, g.pick("lt", "lte"))
	}
	return fmt.Sprintf(`{"gte":%s,"lte":%s}`, low, low)
}

func (g generator) condition(depth int) string {
	key := g.key()
	switch n := g.IntN(20); {
	case n < 4:
		return fmt.Sprintf(`{"key":%s,"match":{"value":%s}}`, key, g.plain())
	case n < 6:
		return fmt.Sprintf(`{"key":%s,"match":{"any":%s}}`, key, g.list())
	case n < 7:
		return fmt.Sprintf(`{"key":%s,"match":{"except":%s}}`, key, g.list())
	case n < 8:
		return fmt.Sprintf(`{"key":%s,"match":{%q:%q}}`, key, g.pick("text", "prefix", "suffix"),
			g.pick("re", "red", "n", "", "2024"))
	case n < 11:
		return fmt.Sprintf(`{"key":%s,"range":%s}`, key, g.bounds())
	case n < 12:
		return fmt.Sprintf(`{"key":%s,"values_count":{%q:%d}}`, key, g.pick("gt", "gte", "lt", "lte"), g.IntN(4))
	case n < 13:
		return fmt.Sprintf(`{"is_empty":{"key":%s}}`, key)
	case n < 14:
		return fmt.Sprintf(`{"is_null":{"key":%s}}`, key)
	case n < 15:
		return fmt.Sprintf(`{"has_id":["r%d","r%d","none"]}`, g.IntN(200), g.IntN(200))
	case n < 16:
		return g.geo(key)
	case n < 17 && depth > 0:
		return fmt.Sprintf(`{"nested":{"key":%s,"filter":%s}}`, key, g.filter(depth-1))
	case depth > 0:
		return g.filter(depth - 1)
	}
	return fmt.Sprintf(`{"key":%s,"is_empty":%s}`, key, g.pick("true", "false"))
}

func (g generator) geo(key string) string {
	switch g.IntN(3) {
	case 0:
		return fmt.Sprintf(`{"key":%s,"geo_radius":{"center":{"lat":%d,"lon":%d},"radius":%d}}`,
			key, g.IntN(20)-10, g.IntN(20)-10, g.IntN(2000000))
	case 1:
		return fmt.Sprintf(`{"key":%s,"geo_bounding_box":{"top_left":{"lat":5,"lon":%d},`+
			`"bottom_right":{"lat":-5,"lon":%d}}}`, key, g.IntN(20)-10, g.IntN(20)-10)
	}
	return fmt.Sprintf(`{"key":%s,"geo_polygon":{"exterior":{"points":[{"lat":-8,"lon":-8},{"lat":8,"lon":-8},`+
		`{"lat":8,"lon":8},{"lat":-8,"lon":-8}]}}}`, key)
}

func (g generator) filter(depth int) string {
	var parts []string
	for _, clause := range []string{"must", "should", "must_not"} {
		if g.IntN(2) == 0 {
			continue
		}
		var list []string
		for range 1 + g.IntN(3) {
			list = append(list, g.condition(depth))
		}
		parts = append(parts, fmt.Sprintf("%q:[%s]", clause, strings.Join(list, ",")))
	}
	if g.IntN(6) == 0 {
		parts = append(parts, fmt.Sprintf(`"min_should":{"conditions":[%s,%s,%s],"min_count":%d}`,
			g.condition(0), g.condition(0), g.condition(0), g.IntN(4)))
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// model is what an Index should know.
type model struct {
	rows map[uint32]string // live
	live *roaring.Bitmap
}

func (m *model) set(row uint32, payload string) {
	m.rows[row] = payload
	m.live.Add(row)
}

func (m *model) clear(row uint32) {
	delete(m.rows, row)
	m.live.Remove(row)
}

func rowOf(id string) (uint32, bool) {
	n, err := strconv.ParseUint(strings.TrimPrefix(id, "r"), 10, 32)
	return uint32(n), err == nil
}

// check compares a Selection with the truth.
func (m *model) check(t *testing.T, x *Index, text string) Selection {
	t.Helper()
	f, err := filter.Parse(json.RawMessage(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	sel := x.Select(f, m.live, rowOf)
	if sel.Exact != (sel.Verify == nil || sel.Verify.IsEmpty()) {
		t.Fatalf("%s: Exact %v with Verify %v", text, sel.Exact, sel.Verify)
	}
	for row, payload := range m.rows {
		want, err := f.Match("r"+strconv.Itoa(int(row)), []byte(payload))
		if err != nil {
			t.Fatalf("%s: %v", payload, err)
		}
		in := sel.Bitmap.Contains(row)
		sure := in && (sel.Verify == nil || !sel.Verify.Contains(row))
		if want && !in || sure && !want {
			t.Fatalf("filter %s\n row %d %s\n matches %v, in bitmap %v, sure %v",
				f, row, payload, want, in, sure)
		}
	}
	if extra := roaring.AndNot(sel.Bitmap, m.live); !extra.IsEmpty() {
		t.Fatalf("%s: rows that are not alive: %v", text, extra)
	}
	return sel
}

func newModel() *model { return &model{rows: map[uint32]string{}, live: roaring.New()} }

func runModel(t *testing.T, seed uint64, paths []string, steps int) {
	g, m, x := newGenerator(seed), newModel(), New(paths)
	for i := range steps {
		row := uint32(g.IntN(200))
		if g.IntN(5) == 0 {
			x.Clear(row)
			m.clear(row)
		} else {
			p := g.object(3)
			if err := Validate([]byte(p)); err != nil {
				t.Fatal(err)
			}
			x.Set(row, []byte(p))
			m.set(row, p)
		}
		if i%10 == 0 {
			m.check(t, x, g.filter(2))
		}
	}
	exact, all := 0, 150
	for range all {
		if m.check(t, x, g.filter(2)).Exact {
			exact++
		}
	}
	if paths == nil && exact < all/4 {
		t.Errorf("seed %d: only %d of %d selections exact", seed, exact, all)
	}
}

func TestSelectAgainstMatch(t *testing.T) {
	for seed := range uint64(10) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { runModel(t, seed, nil, 600) })
	}
}

func TestSelectNamedPaths(t *testing.T) {
	for seed := range uint64(5) {
		runModel(t, seed, []string{"a", "loc.lat", `"x.y"`, "b.c"}, 300)
		runModel(t, seed, []string{}, 100)
	}
}
