package doctor

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/vectorizer-go/vectorizer/cmd/vectorizer/config"
)

// dirChecks looks at the directory of the data, or at where it would be made.
func dirChecks(o Options) []Check {
	dir, err := filepath.Abs(o.Config.DataDir)
	if err != nil {
		return []Check{{"data directory", Fail, err.Error(), "give --data-dir an absolute path"}}
	}
	state, place := stateCheck(o, dir)
	out := []Check{state}
	if place == "" {
		return out
	}
	may := writeCheck(place)
	out = append(out, may, spaceCheck(place, o.Config.Storage.MinFreeBytes))
	if may.Status == OK {
		out = append(out, fsyncCheck(place))
	}
	return out
}

// stateCheck says what dir holds, and returns the existing directory that
// decides about space and permissions.
func stateCheck(o Options, dir string) (c Check, place string) {
	const name = "data directory"
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		place = existingParent(dir)
		return Check{name, OK, dir + " does not exist", "nothing to do, the server makes it"}, place
	case err != nil:
		return Check{name, Fail, err.Error(), "let this user read the directory"}, ""
	case !info.IsDir():
		return Check{name, Fail, dir + " is a file", "give --data-dir a directory"}, ""
	}
	state, err := o.Inspect(dir)
	switch {
	case err != nil:
		return Check{name, Fail, err.Error(), "give --data-dir another directory"}, dir
	case state.InUse:
		return Check{name, Info, dir + " " + state.Found,
			"nothing to do, or stop that process before another server uses it"}, dir
	}
	return ok(name, dir+" "+state.Found), dir
}

// existingParent is the nearest directory above dir that exists.
func existingParent(dir string) string {
	for {
		parent := filepath.Dir(dir)
		if parent == dir {
			return dir
		}
		if info, err := os.Stat(parent); err == nil && info.IsDir() {
			return parent
		}
		dir = parent
	}
}

func writeCheck(place string) Check {
	const name = "permissions"
	if err := writable(place); err != nil {
		return Check{name, Fail, place + " cannot be written: " + err.Error(),
			"let this user write there, or give --data-dir another directory"}
	}
	return ok(name, place+" can be written")
}

func spaceCheck(place string, reserve int64) Check {
	const name = "disk space"
	free, kind, err := diskSpace(place)
	if err != nil {
		return Check{name, Info, "not known: " + err.Error(), "see how much is free at " + place}
	}
	found := Short(free) + " free"
	if kind != "" {
		found += " on " + kind
	}
	switch {
	case free < reserve:
		return Check{name, Fail, found, "free space, or lower storage.min_free below " +
			config.FormatSize(reserve) + ": writes are refused"}
	case free < 4*reserve:
		return Check{name, Warn, found, "free space: writes are refused below " +
			config.FormatSize(reserve)}
	case kind == "tmpfs":
		return Check{name, Warn, found, "choose a directory on a disk: this one is lost at a restart"}
	case kind == "nfs" || kind == "cifs" || kind == "smb2" || kind == "fuse":
		return Check{name, Warn, found, "prefer a local disk: " +
			"locks and syncs of network file systems differ in what they promise"}
	}
	return ok(name, found)
}
