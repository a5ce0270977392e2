//go:build windows

package store

import "syscall"

// errQuota is ERROR_DISK_FULL.
var errQuota error = syscall.Errno(112)
