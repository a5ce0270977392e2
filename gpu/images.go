package gpu

import (
	"github.com/vectorizer-go/vectorizer/gpu/driver"
	"github.com/vectorizer-go/vectorizer/kernels"
)

// builtin are the images of package kernels, as the driver wants them.
func builtin() []driver.Image {
	var out []driver.Image
	for _, i := range kernels.Images() {
		out = append(out, driver.Image{Name: i.Name, Arch: i.Arch, Only: i.Only, Code: i.PTX})
	}
	return out
}
