package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/vectorizer-go/vectorizer/cmd/vectorizer/client"
	"github.com/vectorizer-go/vectorizer/cmd/vectorizer/config"
	"github.com/vectorizer-go/vectorizer/cmd/vectorizer/doctor"
	"github.com/vectorizer-go/vectorizer/cmd/vectorizer/machine"
)

func newDoctorCmd(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check that this machine is ready to serve",
		Long: `Check processors, memory, instruction sets, graphics processors, limits, the
directory of the data, the port and the clock, and say for each what to do. It
takes the same configuration as serve. Exit code 1 when something would keep the
server from working; warnings do not change the exit code.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			loaded, err := a.loadConfig(cmd)
			if err != nil {
				return err
			}
			report := doctor.Run(cmd.Context(), doctor.Options{
				Version:   readBuildInfo().Version,
				Config:    loaded.Config,
				Root:      machine.Root(),
				Devices:   devices(),
				Inspect:   inspectDir,
				Ask:       askVersion,
				Fetch:     describeFetch(loaded.Config.DataDir),
				SIMDLimit: envValue(a.environ(), config.EnvSIMD),
			})
			write := report.WriteText
			if asJSON {
				write = report.WriteJSON
			}
			if err := write(a.out); err != nil {
				return err
			}
			if n := report.Failures(); n > 0 {
				return withCode(exitFailure, fmt.Errorf("doctor found what keeps the server from working: %d", n))
			}
			return nil
		},
	}
	addConfigFlags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// askVersion returns the version of the server at address.
func askVersion(ctx context.Context, address string) (string, error) {
	c, err := client.New(address, 0)
	if err != nil {
		return "", err
	}
	defer c.Close()
	var status struct {
		Online  bool   `json:"online"`
		Version string `json:"version"`
	}
	if err := c.Get(ctx, "/api/v1/status", &status); err != nil {
		return "", err
	}
	if !status.Online {
		return "", fmt.Errorf("%s is not a vectorizer server", address)
	}
	return status.Version, nil
}
