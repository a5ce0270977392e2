package config

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// yamlLine is one line of a configuration file without its comment.
type yamlLine struct {
	text    string
	setting *Setting // nil for the head of a section
}

// yamlLines lays the settings out as a YAML file.
func yamlLines(all []*Setting) []yamlLine {
	var lines []yamlLine
	var open []string // sections that the last line was in
	for _, s := range all {
		path := strings.Split(s.Key, ".")
		sections := path[:len(path)-1]
		for i, name := range sections {
			if i < len(open) && slices.Equal(open[:i+1], sections[:i+1]) {
				continue
			}
			lines = append(lines, yamlLine{text: indent(i) + name + ":"})
		}
		open = sections
		text := indent(len(sections)) + path[len(path)-1] + ": " + yamlScalar(s)
		lines = append(lines, yamlLine{text, s})
	}
	return lines
}

func indent(n int) string { return strings.Repeat("  ", n) }

// yamlScalar writes the present value so that YAML reads it back as it is.
func yamlScalar(s *Setting) string {
	t := s.Text()
	switch s.Type() {
	case "number", "switch":
		return t
	case "choice":
		if t != "on" && t != "off" { // YAML 1.1 readers take these for booleans
			return t
		}
	}
	return strconv.Quote(t)
}

// Print writes the effective configuration as a YAML file whose comments say
// where each value came from.
func (l *Loaded) Print(w io.Writer) error {
	c := l.Config
	lines := yamlLines(Settings(&c))
	width := 0
	for _, ln := range lines {
		width = max(width, len(ln.text))
	}
	for _, ln := range lines {
		var err error
		if ln.setting == nil {
			_, err = fmt.Fprintln(w, ln.text)
		} else {
			_, err = fmt.Fprintf(w, "%-*s  # %s\n", width, ln.text, l.From[ln.setting.Key])
		}
		if err != nil {
			return err
		}
	}
	return nil
}
