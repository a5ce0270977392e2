package main

import "github.com/spf13/cobra"

// commands lists the constructors of all subcommands, one line each.
func commands() []func(*app) *cobra.Command {
	return []func(*app) *cobra.Command{
		newServeCmd,
		newDemoCmd,
		newImportCmd,
		newExportCmd,
		newBenchCmd,
		newSnapshotCmd,
		newRestoreCmd,
		newVerifyCmd,
		newStatusCmd,
		newDoctorCmd,
		newProbeCmd,
		newVersionCmd,
	}
}
