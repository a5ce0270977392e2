package doctor

import (
	"os"

	"golang.org/x/sys/windows"
)

// writable reports why files cannot be made in dir. Access lists decide that
// here, so a file is made and removed.
func writable(dir string) error {
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Remove(f.Name())
}

// diskSpace returns the bytes that this user may still write at dir.
func diskSpace(dir string) (free int64, kind string, err error) {
	path, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, "", err
	}
	var avail uint64
	if err := windows.GetDiskFreeSpaceEx(path, &avail, nil, nil); err != nil {
		return 0, "", err
	}
	return int64(avail), "", nil //nolint:gosec // bytes of a disk fit
}
