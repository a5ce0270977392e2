package openapi

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestBuild(t *testing.T) {
	low, high := 1, 9
	ops := []Operation{
		{Method: "GET", Path: "/a/{x}", ID: "get", Tag: "t", Summary: "s",
			Query: []Param{{Name: "n", Type: "integer", Default: 2, Minimum: &low, Maximum: &high}},
			Reply: Reply{Schema: "Live", Degraded: true}, Errors: []int{404, 400, 404}},
		{Method: "POST", Path: "/a/{x}", ID: "post", Body: &Body{Schema: "Rename",
			Example: `{"new_name":"x"}`, Octets: "o", OctetExample: "AA=="},
			Reply: Reply{Schema: "Renamed", Octets: "r"}},
	}
	text, err := Build(Info{Title: "T", Version: "1"}, ops)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Paths map[string]map[string]struct {
			Parameters []struct {
				Name, In string
				Required bool
			}
			RequestBody struct {
				Required bool
				Content  map[string]any
			}
			Responses map[string]any
		}
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	get, post := doc.Paths["/a/{x}"]["get"], doc.Paths["/a/{x}"]["post"]
	if len(get.Parameters) != 2 || get.Parameters[0].In != "path" || !get.Parameters[0].Required ||
		get.Parameters[1].In != "query" || len(get.Responses) != 4 {
		t.Errorf("%+v", get)
	}
	if !post.RequestBody.Required || len(post.RequestBody.Content) != 3 {
		t.Errorf("%+v", post)
	}
}

func TestBuildNamesWhatIsMissing(t *testing.T) {
	for _, op := range []Operation{
		{ID: "one", Reply: Reply{Schema: "None"}},
		{ID: "two", Reply: Reply{Schema: "Live"}, Body: &Body{Schema: "None"}},
	} {
		_, err := Build(Info{}, []Operation{op})
		if err == nil || !strings.Contains(err.Error(), op.ID) {
			t.Errorf("%v does not name %s", err, op.ID)
		}
	}
}

// TestSchemasHold checks that every reference leads somewhere.
func TestSchemasHold(t *testing.T) {
	all, err := Schemas()
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if ref, ok := v["$ref"].(string); ok {
				name := strings.TrimPrefix(ref, "#/components/schemas/")
				used[name] = true
				if all[name] == nil {
					t.Errorf("no schema %s", ref)
				}
			}
			for _, x := range v {
				walk(x)
			}
		case []any:
			for _, x := range v {
				walk(x)
			}
		}
	}
	for name, text := range all {
		var v any
		if err := json.Unmarshal(text, &v); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		walk(v)
	}
	if !used["Hit"] || len(all) < 40 {
		t.Errorf("%d schemas", len(all))
	}
}
