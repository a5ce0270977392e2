//go:build !windows

package listen

import "syscall"

// What the system says when a port is taken and when an address is elsewhere.
const (
	inUse   = syscall.EADDRINUSE
	notOurs = syscall.EADDRNOTAVAIL
)
