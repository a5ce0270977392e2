package filter

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/vectorizer-go/vectorizer/engine/filter/rawjson"
)

// Limits of a key.
const (
	MaxKeyBytes = 512
	MaxKeySteps = 32
)

// StepKind says what a Step does.
type StepKind uint8

// The kinds of steps.
const (
	StepName  StepKind = iota // the member of that name; arrays stand for their elements
	StepEvery                 // "[]": every element of an array
	StepIndex                 // "[n]": element n of an array
)

// Step is one step of a Path.
type Step struct {
	Kind  StepKind
	Name  string // of StepName
	Index int    // of StepIndex
}

// Path is a parsed key. It is immutable; the zero Path reaches nothing.
type Path struct {
	steps []Step
	text  string
}

// Steps returns the steps; the caller does not change them.
func (p Path) Steps() []Step { return p.steps }

// String returns the canonical text, which ParsePath reads back.
func (p Path) String() string { return p.text }

// Plain reports whether p consists of names only.
func (p Path) Plain() bool {
	return !slices.ContainsFunc(p.steps, func(s Step) bool { return s.Kind != StepName })
}

// Names returns p without its steps into arrays, joined as canonical text: the
// form under which payload indexes know it.
func (p Path) Names() string {
	if p.Plain() {
		return p.text
	}
	var b []byte
	for _, s := range p.steps {
		if s.Kind == StepName {
			b = AppendName(b, s.Name)
		}
	}
	return string(b)
}

// AppendName appends one more name to the canonical text of a path.
func AppendName(path []byte, name string) []byte {
	if len(path) > 0 {
		path = append(path, '.')
	}
	if name != "" && !strings.ContainsAny(name, `."[]\`) {
		return append(path, name...)
	}
	return rawjson.AppendQuoted(path, name)
}

// ParsePath reads a key: names separated by dots, each optionally followed by
// "[]" or "[n]". A name in double quotes is a JSON string.
func ParsePath(key string) (Path, error) {
	if key == "" || len(key) > MaxKeyBytes {
		return Path{}, fmt.Errorf("a key of 1 to %d bytes, got %d", MaxKeyBytes, len(key))
	}
	var steps []Step
	for rest := key; ; {
		name, tail, err := cutName(rest)
		if err != nil {
			return Path{}, err
		}
		steps = append(steps, Step{Kind: StepName, Name: name})
		for strings.HasPrefix(tail, "[") {
			var s Step
			if s, tail, err = cutIndex(tail); err != nil {
				return Path{}, err
			}
			steps = append(steps, s)
		}
		if len(steps) > MaxKeySteps {
			return Path{}, fmt.Errorf("at most %d steps in key %q", MaxKeySteps, key)
		}
		if tail == "" {
			return Path{steps: steps, text: pathText(steps)}, nil
		}
		if tail[0] != '.' {
			return Path{}, fmt.Errorf("'.' or '[' behind a name in key %q", key)
		}
		rest = tail[1:]
	}
}

func pathText(steps []Step) string {
	var b []byte
	for _, s := range steps {
		switch s.Kind {
		case StepName:
			b = AppendName(b, s.Name)
		case StepEvery:
			b = append(b, "[]"...)
		case StepIndex:
			b = append(strconv.AppendInt(append(b, '['), int64(s.Index), 10), ']')
		}
	}
	return string(b)
}

func cutName(s string) (name, tail string, err error) {
	if strings.HasPrefix(s, `"`) {
		end, _ := rawjson.EndString([]byte(s), 0)
		if end < 0 || rawjson.Check([]byte(s[:end]), 0) != nil {
			return "", "", fmt.Errorf("a closed quoted name in key, got %q", s)
		}
		return string(rawjson.AppendUnquoted(nil, []byte(s[1:end-1]))), s[end:], nil
	}
	end := strings.IndexAny(s, ".[")
	if end < 0 {
		end = len(s)
	}
	if name = s[:end]; name == "" || strings.ContainsAny(name, `"]\`) {
		return "", "", fmt.Errorf("a name (quoted if it holds one of .[]\"\\) in key, got %q", s)
	}
	return name, s[end:], nil
}

func cutIndex(s string) (Step, string, error) {
	end := strings.IndexByte(s, ']')
	if end == 1 {
		return Step{Kind: StepEvery}, s[2:], nil
	}
	if end > 1 && end < 9 {
		if n, err := strconv.ParseUint(s[1:end], 10, 31); err == nil {
			return Step{Kind: StepIndex, Index: int(n)}, s[end+1:], nil
		}
	}
	return Step{}, "", fmt.Errorf("\"[]\" or \"[number]\" in key, got %q", s)
}

// JoinPaths returns the path that steps along before and then along p.
func JoinPaths(before, p Path) Path {
	if len(before.steps) == 0 {
		return p
	}
	steps := append(slices.Clip(before.steps), p.steps...)
	return Path{steps: steps, text: pathText(steps)}
}
