package doctor

import (
	"io/fs"
	"slices"
	"strings"

	"github.com/vectorizer-go/vectorizer/cmd/vectorizer/machine"
)

// gpuChecks says which graphics processors there are and why each backend for
// them is or is not used.
func gpuChecks(o Options) []Check {
	var out []Check
	cards := strings.Join(nvidiaCards(o.Root), ", ")
	if cards == "" {
		cards = "no NVIDIA card with a driver found"
	}
	for _, d := range o.Devices {
		if d.Name == "cpu" {
			continue
		}
		c := Check{d.Name, Info, d.Reason, nothing}
		if d.Name == "cuda" {
			c.Found = cards + "; " + d.Reason
		}
		switch {
		case d.Usable:
			c.Status = OK
		case o.Config.Backend == d.Name:
			c.Status, c.Advice = Fail, "set backend to auto or cpu"
		default:
			c.Advice = "nothing to do, the CPU computes"
		}
		out = append(out, c)
	}
	return out
}

// nvidiaCards names the cards that a loaded NVIDIA driver lists.
func nvidiaCards(root fs.FS) []string {
	paths, err := fs.Glob(root, "proc/driver/nvidia/gpus/*/information")
	if err != nil {
		return nil
	}
	slices.Sort(paths)
	var names []string
	for _, p := range paths {
		line, _ := machine.Setting(root, p)
		_, model, ok := strings.Cut(line, "Model:")
		if ok {
			names = append(names, strings.TrimSpace(model))
		}
	}
	if len(names) == 0 { // in a container the driver may show its devices only
		devices, _ := fs.Glob(root, "dev/nvidia[0-9]*")
		for _, d := range devices {
			names = append(names, "/"+d)
		}
	}
	return names
}
