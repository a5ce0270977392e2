package listen

import "golang.org/x/sys/windows"

// What the system says when a port is taken and when an address is elsewhere.
const (
	inUse   = windows.WSAEADDRINUSE
	notOurs = windows.WSAEADDRNOTAVAIL
)
