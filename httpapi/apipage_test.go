package httpapi

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"sort"
	"strings"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/errs"
)

var update = flag.Bool("update", false, "write docs/api.md from the route table")

const apiPage = "../docs/api.md"

// TestAPIPage compares docs/api.md with the route table. go test ./httpapi -run
// APIPage -update writes it.
func TestAPIPage(t *testing.T) {
	want := page(t)
	if *update {
		if err := os.WriteFile(apiPage, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(apiPage)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the route table says: run go test ./httpapi -run APIPage -update",
			apiPage)
	}
}

const pageHead = `# HTTP API

<!-- Written by go test ./httpapi -run APIPage -update from the route table. -->

Every route exists under ` + "`/api/v1`" + ` and without a prefix. ` + "`GET /openapi.json`" + ` has the schemas.
Bodies are JSON or MessagePack (` + "`Content-Type: application/msgpack`" + `), gzip or zstd if ` +
	"`Content-Encoding`" + ` says so;
the reply has the form that ` + "`Accept`" + ` names, or that of the request. Errors are JSON always.
`

// page writes the whole page.
func page(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	b.WriteString(pageHead)
	titles := map[string]string{"status": "Status", "collections": "Collections",
		"vectors": "Vectors", "search": "Search", "replication": "Replication"}
	for _, tag := range []string{"collections", "vectors", "search", "status", "replication"} {
		fmt.Fprintf(&b, "\n## %s\n", titles[tag])
		for _, r := range routes() {
			if r.Tag == tag {
				describeRoute(t, &b, &r)
			}
		}
	}
	writeErrorTable(&b)
	writeOctets(t, &b)
	return b.Bytes()
}

func describeRoute(t *testing.T, b *bytes.Buffer, r *route) {
	t.Helper()
	fmt.Fprintf(b, "\n### %s %s\n\n%s.", r.Method, r.Path, r.Summary)
	if len(r.Query) > 0 {
		b.WriteString("\n\nQuery:")
		for i, q := range r.Query {
			if i > 0 {
				b.WriteString(",")
			}
			fmt.Fprintf(b, " `%s` (%s, default %v)", q.Name, q.Help, q.Default)
		}
		b.WriteString(".")
	}
	if r.Body != nil && r.Body.Example != "" {
		var text bytes.Buffer
		if err := json.Compact(&text, []byte(r.Body.Example)); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(b, " Body `%s`", r.Body.Schema)
		if r.Body.Optional {
			b.WriteString(", optional")
		}
		fmt.Fprintf(b, "; reply `%s`.\n\n```json\n%s\n```\n", r.Reply.Schema, text.Bytes())
	} else {
		fmt.Fprintf(b, " Reply `%s`.\n", r.Reply.Schema)
	}
	if r.octets() {
		b.WriteString("\nOctets: see below.\n")
	}
}

func writeErrorTable(b *bytes.Buffer) {
	b.WriteString("\n## Errors\n\n| error_type | status |\n|---|---|\n")
	kinds := make([]errs.Kind, 0, len(statuses))
	for k := range statuses {
		kinds = append(kinds, k)
	}
	sort.Slice(kinds, func(i, j int) bool {
		if statuses[kinds[i]] != statuses[kinds[j]] {
			return statuses[kinds[i]] < statuses[kinds[j]]
		}
		return kinds[i] < kinds[j]
	})
	for _, k := range kinds {
		fmt.Fprintf(b, "| `%s` | %d |\n", k, statuses[k])
	}
	b.WriteString("\nReplies 429 and 503 carry `Retry-After`, in seconds.\n")
}

// writeOctets takes the layout from the comment in the source.
func writeOctets(t *testing.T, b *bytes.Buffer) {
	t.Helper()
	source, err := os.ReadFile("codec/octets.go")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(source), "// The octet forms")
	text, _, ok2 := strings.Cut(rest, "const (")
	if !ok || !ok2 {
		t.Fatal("the layout has moved")
	}
	b.WriteString("\n## Octets\n\n`Content-Type: application/octet-stream`.\n\n")
	for line := range strings.SplitSeq(strings.TrimSpace("// The octet forms"+text), "\n") {
		line = strings.TrimPrefix(strings.TrimPrefix(line, "//"), " ")
		if code, ok := strings.CutPrefix(line, "\t"); ok {
			line = "    " + code
		}
		b.WriteString(line + "\n")
	}
	b.WriteString("\nFlags of a bulk upsert: 1 rows carry ids, 2 rows carry payloads, 4 present ids fail.\n" +
		"Flag of a search: 1 scan instead of the graph. A search whose queries all fail is\nanswered with an error in JSON.\n")
}
