package main

import (
	"encoding/json"

	"github.com/spf13/cobra"

	"github.com/vectorizer-go/vectorizer/cmd/vectorizer/doctor"
	"github.com/vectorizer-go/vectorizer/cmd/vectorizer/machine"
)

func newProbeCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "probe",
		Short: "Print the devices that can compute and how far ahead rows are best fetched, as JSON",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			enc := json.NewEncoder(a.out)
			enc.SetIndent("", "  ")
			return enc.Encode(struct {
				Machine machine.Facts   `json:"machine"`
				Fetch   foundFetch      `json:"fetch"`
				Devices []doctor.Device `json:"devices"`
			}{machine.Read(machine.Root()), findFetch(a.measure).resolved(), devices()})
		},
	}
}
