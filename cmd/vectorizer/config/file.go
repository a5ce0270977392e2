package config

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/v2"
)

// maxFileBytes bounds a configuration file.
const maxFileBytes = 1 << 20

// file reads the YAML file at path. found is false when there is none and none
// was named.
func (l *loader) file(path string, named bool) (ly layer, found bool, err error) {
	ly = layer{values: make(map[string]any), names: make(map[string]string)}
	if !named {
		return ly, false, nil
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return ly, false, fmt.Errorf("configuration file %s cannot be read: %w", path, reason(err))
	}
	if len(raw) > maxFileBytes {
		return ly, false, fmt.Errorf("configuration file %s has %d bytes, at most %d are read",
			path, len(raw), maxFileBytes)
	}
	if err := oneDocument(raw); err != nil {
		return ly, false, fmt.Errorf("configuration file %s: %w", path, err)
	}
	parsed, err := yaml.Parser().Unmarshal(raw)
	if err != nil {
		text := strings.ReplaceAll(err.Error(), "\n", " ")
		return ly, false, fmt.Errorf("configuration file %s is not valid YAML: %s", path, text)
	}
	k := koanf.New(".")
	if err := k.Load(confmap.Provider(parsed, ""), nil); err != nil {
		return ly, false, fmt.Errorf("configuration file %s: %w", path, err)
	}
	keys := k.Keys()
	slices.Sort(keys)
	for _, key := range keys {
		l.fileKey(&ly, path, key, k.Get(key))
	}
	return ly, true, nil
}

// fileKey takes one key of the file into ly, or records why it cannot be.
func (l *loader) fileKey(ly *layer, path, key string, value any) {
	source := "file " + path
	switch {
	case l.byKey[key] != nil:
		ly.values[key], ly.names[key] = value, source
	case l.isSection(key) && isEmptyMap(value):
		// A section without settings, as in a file whose lines are commented out.
	case l.isSection(key):
		if value == nil {
			return
		}
		l.problems = append(l.problems, Problem{Field: key, Source: source,
			Expected: "a section with settings below it", Given: describe(value)})
	default:
		l.problems = append(l.problems, Problem{Field: key, Source: source,
			Expected: "a setting that exists", Given: "an unknown one",
			Hint: "did you mean " + nearestKey(key, l.all) + "?"})
	}
}

// isSection reports whether settings live below key.
func (l *loader) isSection(key string) bool {
	return slices.ContainsFunc(l.all, func(s *Setting) bool {
		return strings.HasPrefix(s.Key, key+".")
	})
}

// nearestKey returns the key most like name, which may lack its section.
func nearestKey(name string, all []*Setting) string {
	leaf := name[strings.LastIndexByte(name, '.')+1:]
	best, bestScore := "", 1<<30
	for _, s := range all {
		own := s.Key[strings.LastIndexByte(s.Key, '.')+1:]
		score := min(distance(clip(name), s.Key), distance(clip(leaf), own)+2)
		if score < bestScore {
			best, bestScore = s.Key, score
		}
	}
	return best
}

// oneDocument refuses a second YAML document, which the parser would ignore.
func oneDocument(raw []byte) error {
	content := false
	for i, line := range bytes.Split(raw, []byte("\n")) {
		line = bytes.TrimRight(line, " \t\r")
		marker := bytes.Equal(line, []byte("---")) || bytes.HasPrefix(line, []byte("--- "))
		if marker && content {
			return fmt.Errorf("line %d starts a second document, only one is read", i+1)
		}
		if marker || len(line) > 0 && line[0] != '#' && line[0] != '%' {
			content = true
		}
	}
	return nil
}

// scalar writes a single YAML value as a user would write it.
func scalar(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case int:
		return strconv.Itoa(v), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case uint64:
		return strconv.FormatUint(v, 10), true
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), true
	}
	return "", false
}

// describe names a value that is not a single one.
func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "nothing"
	case []any:
		return "a list"
	case map[string]any:
		return "a section"
	case string:
		return quote(v)
	default:
		return fmt.Sprint(v)
	}
}

func isEmptyMap(v any) bool {
	m, ok := v.(map[string]any)
	return ok && len(m) == 0
}

// quote shows text on one line, cut when it is long.
func quote(s string) string {
	const longest = 80
	if len(s) > longest {
		return strconv.Quote(s[:longest]) + "…"
	}
	return strconv.Quote(s)
}
