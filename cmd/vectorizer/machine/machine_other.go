//go:build !darwin && !windows

package machine

// fillSystem has nothing to add: /proc told what there is.
func fillSystem(*Facts) {}
