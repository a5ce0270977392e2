//go:build unix

package store

import "syscall"

// errQuota is the error of a used-up disk quota.
var errQuota error = syscall.EDQUOT
