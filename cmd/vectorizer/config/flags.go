package config

import (
	"slices"

	"github.com/spf13/pflag"
)

// rawFlag keeps the text of a flag; Load checks it together with the settings
// of the other sources, so that all problems are told at once.
type rawFlag struct {
	text string
	kind string
}

func (f *rawFlag) String() string     { return f.text }
func (f *rawFlag) Set(s string) error { f.text = s; return nil }
func (f *rawFlag) Type() string       { return f.kind }

// AddFlags defines --config and the flag of every setting, or of the settings
// in keys when some are named.
func AddFlags(fs *pflag.FlagSet, keys ...string) {
	fs.String("config", "", "YAML file with settings (variable "+EnvConfig+
		"; without either, "+DefaultFile+" if it exists)")
	var c Config
	for _, s := range Settings(&c) {
		if len(keys) > 0 && !slices.Contains(keys, s.Key) {
			continue
		}
		f := fs.VarPF(&rawFlag{text: s.Default, kind: s.Type()}, s.Flag, "",
			s.Help+" (variable "+s.Env()+")")
		if s.Type() == "switch" {
			f.NoOptDefVal = "true"
		}
	}
}
