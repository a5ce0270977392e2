package main

import (
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/vectorizer-go/vectorizer/cmd/vectorizer/client"
	"github.com/vectorizer-go/vectorizer/cmd/vectorizer/config"
)

// serverFlags are the flags of a command that talks to a running server.
type serverFlags struct {
	url     string
	timeout time.Duration
}

// add defines the flags on cmd: --url, --timeout, and those that say where serve
// listens.
func (f *serverFlags) add(cmd *cobra.Command) {
	addConfigFlags(cmd, "server.host", "server.port")
	f.addTo(cmd)
}

// addTo defines --url and --timeout alone.
func (f *serverFlags) addTo(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.url, "url", "", "server to ask, as host:port or http(s)://… (variable "+
		config.EnvURL+"; without either, where serve listens with the same configuration)")
	cmd.Flags().DurationVar(&f.timeout, "timeout", 10*time.Second, "longest time to wait for one answer")
}

// connect returns a client of the server that the flags and variables name.
func (f *serverFlags) connect(a *app, cmd *cobra.Command) (*client.Client, error) {
	if f.timeout <= 0 {
		return nil, withCode(exitUsage, errors.New("--timeout must be above 0"))
	}
	address := f.url
	if address == "" && !cmd.Flags().Changed("host") && !cmd.Flags().Changed("port") {
		address = envValue(a.environ(), config.EnvURL)
	}
	if address == "" {
		loaded, err := a.loadDataConfig(cmd)
		if err != nil {
			return nil, err
		}
		address = loaded.Config.Server.Dial()
	}
	c, err := client.New(address, f.timeout)
	return c, withCode(exitUsage, err)
}

// serverError gives a failure to reach the server its exit code.
func serverError(err error) error {
	if client.IsUnreachable(err) {
		return withCode(exitUnreachable, err)
	}
	return err
}
