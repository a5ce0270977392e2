package config

import "strings"

// EnvPrefix starts the name of every variable that is a setting.
const EnvPrefix = "VECTORIZER_"

// Setting is the definition of one setting.
type Setting struct {
	Key     string // dotted path in the file
	Flag    string // without the dashes
	Default string // as a user would write it
	Help    string // one sentence without a full stop
	value   value
}

// Env is the name of the variable that sets s.
func (s *Setting) Env() string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(s.Flag, "-", "_"))
}

// Type names the kind of value: text, number, size, duration, switch, choice.
func (s *Setting) Type() string { return s.value.kind() }

// Expect says what the setting accepts.
func (s *Setting) Expect() string { return s.value.expect() }

// Choices lists the values that s accepts, nil if they are not a short list.
func (s *Setting) Choices() []string {
	switch v := s.value.(type) {
	case *choiceValue:
		return v.allowed
	case *toggleValue:
		return []string{"true", "false"}
	}
	return nil
}

// Text is the present value as a user would write it.
func (s *Setting) Text() string { return s.value.text() }

// newSetting fills in the flag from the key: dots and underscores become dashes.
func newSetting(key, def, help string, v value) *Setting {
	flag := strings.NewReplacer(".", "-", "_", "-").Replace(key)
	return &Setting{Key: key, Flag: flag, Default: def, Help: help, value: v}
}

// as gives s a flag that is not derived from its key.
func (s *Setting) as(flag string) *Setting {
	s.Flag = flag
	return s
}

// Settings returns the definition of every setting of c in the order of the
// documentation. Setting a value through it changes c.
func Settings(c *Config) []*Setting {
	var all []*Setting
	all = append(all, serverSettings(c)...)
	all = append(all, storageSettings(c)...)
	all = append(all, limitSettings(c)...)
	all = append(all, outputSettings(c)...)
	all = append(all, collectionSettings(c)...)
	all = append(all, replicationSettings(c)...)
	all = append(all, tracingSettings(c)...)
	return all
}
