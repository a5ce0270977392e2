package config

import (
	"fmt"
	"strings"
)

// Problem is one thing wrong with the configuration.
type Problem struct {
	Field    string // dotted key, or the name as it was given
	Source   string // where it was given: "file x", "variable X", "flag --x"
	Expected string
	Given    string
	Hint     string // what to do, or ""
}

// String is the problem as a clause of a sentence.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.Field)
	if p.Source != "" {
		fmt.Fprintf(&b, " (%s)", p.Source)
	}
	fmt.Fprintf(&b, ": expected %s, got %s", p.Expected, p.Given)
	if p.Hint != "" {
		b.WriteString("; " + p.Hint)
	}
	return b.String()
}

// Error is everything wrong with the configuration.
type Error struct {
	Problems []Problem // at least one, in the order of the sources
}

// Error is one line for one problem, else a line for each.
func (e *Error) Error() string {
	if len(e.Problems) == 1 {
		return "configuration: " + e.Problems[0].String()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "configuration: %d settings are wrong:", len(e.Problems))
	for _, p := range e.Problems {
		b.WriteString("\n  " + p.String())
	}
	return b.String()
}
