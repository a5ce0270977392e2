//go:build !linux

package suites

// onCPUs runs start. Only Linux can be told on which processors.
func onCPUs(_ []int, start func()) { start() }

// pinProcess does nothing here.
func pinProcess([]int) (restore func()) { return func() {} }
