package doctor

import "golang.org/x/sys/unix"

// diskSpace returns the bytes that this user may still write at dir, and the
// kind of file system where it is known.
func diskSpace(dir string) (free int64, kind string, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, "", err
	}
	kinds := map[int64]string{
		unix.EXT4_SUPER_MAGIC: "ext4", unix.XFS_SUPER_MAGIC: "xfs",
		unix.BTRFS_SUPER_MAGIC: "btrfs", unix.TMPFS_MAGIC: "tmpfs",
		unix.NFS_SUPER_MAGIC: "nfs", unix.OVERLAYFS_SUPER_MAGIC: "overlay",
		unix.SMB2_SUPER_MAGIC: "smb2", unix.CIFS_SUPER_MAGIC: "cifs",
		unix.FUSE_SUPER_MAGIC: "fuse", 0x2fc12fc1: "zfs",
	}
	//nolint:gosec,unconvert // the fields differ in width between systems
	return int64(st.Bavail) * int64(st.Bsize), kinds[int64(uint32(st.Type))], nil
}
