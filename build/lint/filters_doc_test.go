package lint

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/filter"
)

// TestFilterExamples evaluates every example of docs/filters.md against the
// payload that stands there. A block's info string says what must come out.
func TestFilterExamples(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "filters.md"))
	if err != nil {
		t.Fatal(err)
	}
	var payload []byte
	examples := 0
	for _, b := range fencedBlocks(string(text)) {
		want, ours := strings.CutPrefix(b.info, "json ")
		if !ours {
			continue
		}
		if want == "payload" {
			payload = []byte(b.text)
			if !json.Valid(payload) {
				t.Fatalf("line %d: the payload is not JSON", b.line)
			}
			continue
		}
		examples++
		f, err := filter.Parse(json.RawMessage(b.text))
		if refused := err != nil; refused || want == "refused" {
			if !refused || want != "refused" {
				t.Errorf("line %d: want %s, got error %v", b.line, want, err)
			}
			continue
		}
		matched, err := f.Match("some-id", payload)
		if err != nil {
			t.Errorf("line %d: %v", b.line, err)
		}
		if wanted := want == "matches"; matched != wanted || !wanted && want != "differs" {
			t.Errorf("line %d: want %s, got match %v", b.line, want, matched)
		}
	}
	if payload == nil || examples < 10 {
		t.Errorf("docs/filters.md has %d examples and payload %q", examples, payload)
	}
}

// block is a fenced block of a Markdown text.
type block struct {
	info string // behind the opening fence
	text string
	line int // of the opening fence
}

func fencedBlocks(text string) []block {
	var out []block
	var open *block
	for i, line := range strings.Split(text, "\n") {
		fence, isFence := strings.CutPrefix(line, "```")
		switch {
		case isFence && open == nil:
			open = &block{info: fence, line: i + 1}
		case isFence:
			out = append(out, *open)
			open = nil
		case open != nil:
			open.text += line + "\n"
		}
	}
	return out
}
