package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/vectorizer-go/vectorizer/cmd/vectorizer/config"
)

// addConfigFlags defines the flags of the settings in keys, or of all, with
// completions of their values.
func addConfigFlags(cmd *cobra.Command, keys ...string) {
	config.AddFlags(cmd.Flags(), keys...)
	var c config.Config
	for _, s := range config.Settings(&c) {
		values := s.Choices()
		if len(values) == 0 || cmd.Flags().Lookup(s.Flag) == nil {
			continue
		}
		complete := cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)
		if err := cmd.RegisterFlagCompletionFunc(s.Flag, complete); err != nil {
			panic("BUG: completion of --" + s.Flag + ": " + err.Error())
		}
	}
	if err := cmd.MarkFlagFilename("config", "yml", "yaml"); err != nil {
		panic("BUG: completion of --config: " + err.Error())
	}
	if cmd.Flags().Lookup("data-dir") != nil {
		if err := cmd.MarkFlagDirname("data-dir"); err != nil {
			panic("BUG: completion of --data-dir: " + err.Error())
		}
	}
}

// loadConfig reads the configuration for cmd, whose flags addConfigFlags made,
// and makes every problem a usage error.
func (a *app) loadConfig(cmd *cobra.Command) (*config.Loaded, error) {
	loaded, err := config.Load(config.Sources{Flags: cmd.Flags(), Environ: a.environ()})
	return loaded, withCode(exitUsage, err)
}

// loadDataConfig reads the configuration for a command that works on the data
// directory without listening.
func (a *app) loadDataConfig(cmd *cobra.Command) (*config.Loaded, error) {
	loaded, err := config.Load(config.Sources{
		Flags: cmd.Flags(), Environ: a.environ(), Client: true,
	})
	return loaded, withCode(exitUsage, err)
}

// envValue returns the last value of a variable, "" if it is not set.
func envValue(environ []string, name string) string {
	value := ""
	for _, e := range environ {
		if k, v, ok := strings.Cut(e, "="); ok && k == name {
			value = v
		}
	}
	return value
}
