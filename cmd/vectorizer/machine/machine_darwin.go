package machine

import "golang.org/x/sys/unix"

// fillSystem asks sysctl for what has no file on this system.
func fillSystem(f *Facts) {
	if s, err := unix.Sysctl("kern.osrelease"); err == nil {
		f.Kernel = s
	}
	if s, err := unix.Sysctl("machdep.cpu.brand_string"); err == nil {
		f.CPU = s
	}
	if n, err := unix.SysctlUint64("hw.memsize"); err == nil {
		f.Memory = int64(n) //nolint:gosec // bytes of memory fit
	}
}
