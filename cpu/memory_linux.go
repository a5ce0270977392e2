package cpu

import "golang.org/x/sys/unix"

// machineBytes is the memory of the machine.
func machineBytes() uint64 {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return unknownBytes
	}
	return uint64(info.Totalram) * uint64(info.Unit)
}
