//go:build unix && !linux

package doctor

import "golang.org/x/sys/unix"

// diskSpace returns the bytes that this user may still write at dir, and the
// kind of file system.
func diskSpace(dir string) (free int64, kind string, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, "", err
	}
	//nolint:gosec,unconvert // the fields differ in width between systems
	return int64(st.Bavail) * int64(st.Bsize), unix.ByteSliceToString(st.Fstypename[:]), nil
}
