package kernels

import (
	"embed"
	"strings"
)

// Image is device code in PTX, which the driver compiles for its device.
type Image struct {
	Name string // of the file
	Arch int    // capability it is for, major*10 + minor
	Only bool   // runs on that capability alone, else on later ones too
	PTX  string
}

//go:embed ptx/*.ptx
var compiled embed.FS

// Images returns the compiled kernels, best first.
func Images() []Image {
	out := []Image{
		{Name: "sm_90a", Arch: 90, Only: true},
		{Name: "sm_80", Arch: 80},
	}
	for i := range out {
		text, err := compiled.ReadFile("ptx/" + out[i].Name + ".ptx")
		if err != nil {
			panic("BUG: kernels: " + err.Error())
		}
		out[i].PTX = string(text)
	}
	return out
}

// Names lists the kernels of an image.
func Names(ptx string) []string {
	var names []string
	for line := range strings.Lines(ptx) {
		if rest, ok := strings.CutPrefix(line, ".visible .entry "); ok {
			name, _, _ := strings.Cut(rest, "(")
			names = append(names, name)
		}
	}
	return names
}
