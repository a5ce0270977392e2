//go:build !linux

package cpu

func machineBytes() uint64 { return unknownBytes }
