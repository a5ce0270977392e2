//go:build !linux

package measure

import "errors"

// KeepAwake is not to be had on this system.
// Errors: errors.ErrUnsupported.
func KeepAwake() (stop func(), err error) { return nil, errors.ErrUnsupported }
