//go:build !cuda || !linux || !cgo

package cuda

import "github.com/vectorizer-go/vectorizer/gpu/driver"

// New returns the driver. An *Error says why there is none.
func New() (driver.Driver, error) {
	return nil, &driver.Error{
		Code: driver.NoDriver, Detail: "not built into this binary (make cuda builds one with it)",
	}
}

// Built says whether the driver is built into this binary.
const Built = false
