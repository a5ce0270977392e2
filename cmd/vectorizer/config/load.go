package config

import (
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"
)

// DefaultFile is read from the working directory when no file is named.
const DefaultFile = "vectorizer.yml"

// Sources says where settings come from.
type Sources struct {
	Flags   *pflag.FlagSet // parsed, made by AddFlags; nil = none
	Environ []string       // as os.Environ returns it
	// Client leaves out the checks that only matter to who listens.
	Client bool
}

// Loaded is a checked configuration and where it came from.
type Loaded struct {
	Config Config
	File   string            // that was read, or ""
	From   map[string]string // key → "default", "file x", "variable X" or "flag --x"
	// Ignored names variables that look like settings and are none: Kubernetes
	// and Docker make them for a service called vectorizer.
	Ignored []string
}

// layer is one source: its values by key, and what each was called there.
type layer struct {
	values map[string]any
	names  map[string]string
}

// loader collects the layers and the problems met on the way.
type loader struct {
	all      []*Setting
	byKey    map[string]*Setting
	problems []Problem
	ignored  []string
}

// Load reads every source, the later overriding the earlier: defaults, file,
// variables, flags. The error is an *Error with every problem, or says why the
// file cannot be read.
func Load(s Sources) (*Loaded, error) {
	out := &Loaded{From: make(map[string]string)}
	l := newLoader(&out.Config)
	path, named := filePath(s)
	fileLayer, found, err := l.file(path, named)
	if err != nil {
		return nil, err
	}
	if found {
		out.File = path
	}
	merged := koanf.New(".")
	for _, ly := range []layer{l.defaults(), fileLayer, l.environ(s.Environ), l.flags(s.Flags)} {
		if err := merged.Load(confmap.Provider(ly.values, "."), nil); err != nil {
			return nil, fmt.Errorf("configuration: %w", err)
		}
		for key, name := range ly.names {
			out.From[key] = name
		}
	}
	for _, set := range l.all {
		l.apply(set, merged.Get(set.Key), out.From[set.Key])
	}
	if !s.Client {
		l.relations(&out.Config, out.From)
	}
	if len(l.problems) > 0 {
		return nil, &Error{Problems: l.problems}
	}
	out.Ignored = l.ignored
	return out, nil
}

// Default returns the configuration of a process that is told nothing.
func Default() Config {
	var c Config
	l := newLoader(&c)
	for _, s := range l.all {
		if !s.value.set(s.Default) {
			panic("BUG: default of " + s.Key + " is not valid: " + s.Default)
		}
	}
	return c
}

func newLoader(c *Config) *loader {
	l := &loader{all: Settings(c), byKey: make(map[string]*Setting)}
	for _, s := range l.all {
		l.byKey[s.Key] = s
	}
	return l
}

func (l *loader) defaults() layer {
	ly := layer{values: make(map[string]any), names: make(map[string]string)}
	for _, s := range l.all {
		ly.values[s.Key], ly.names[s.Key] = s.Default, "default"
	}
	return ly
}

// flags takes the settings whose flag was given on the command line.
func (l *loader) flags(set *pflag.FlagSet) layer {
	ly := layer{values: make(map[string]any), names: make(map[string]string)}
	if set == nil {
		return ly
	}
	for _, s := range l.all {
		if f := set.Lookup(s.Flag); f != nil && f.Changed {
			ly.values[s.Key], ly.names[s.Key] = f.Value.String(), "flag --"+s.Flag
		}
	}
	return ly
}

// apply sets s to the merged value, or records why it cannot be.
func (l *loader) apply(s *Setting, given any, from string) {
	text, ok := scalar(given)
	if ok && s.value.set(text) {
		return
	}
	shown := describe(given)
	if _, secret := s.value.(*secretValue); secret {
		shown = fmt.Sprintf("%d characters", len(text))
	} else if ok {
		shown = quote(text)
	}
	l.problems = append(l.problems, Problem{
		Field: s.Key, Source: from, Expected: s.Expect(), Given: shown,
	})
	s.value.set(s.Default) // so that the relations are checked on valid values
}

// filePath returns the file to read and whether it was named by the user, in
// which case it must exist.
func filePath(s Sources) (path string, named bool) {
	if s.Flags != nil {
		if f := s.Flags.Lookup("config"); f != nil && f.Changed {
			return f.Value.String(), true
		}
	}
	if v, ok := lookupEnv(s.Environ, EnvConfig); ok && v != "" {
		return v, true
	}
	if _, err := os.Stat(DefaultFile); err == nil {
		return DefaultFile, true
	}
	return "", false
}

// lookupEnv finds a variable; the last one wins, as a process sees it.
func lookupEnv(environ []string, name string) (value string, ok bool) {
	for _, e := range environ {
		if k, v, cut := strings.Cut(e, "="); cut && k == name {
			value, ok = v, true
		}
	}
	return value, ok
}

// reason takes the operation and the path off a file system error.
func reason(err error) error {
	if pe, ok := err.(*fs.PathError); ok { //nolint:errorlint // only the outermost
		return pe.Err
	}
	return err
}
