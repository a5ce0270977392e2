package machine

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/windows"
)

// memoryStatus is MEMORYSTATUSEX of the Windows API.
type memoryStatus struct {
	length       uint32
	load         uint32
	totalPhys    uint64
	availPhys    uint64
	totalPage    uint64
	availPage    uint64
	totalVirtual uint64
	availVirtual uint64
	availExt     uint64
}

// fillSystem asks the Windows API for what has no file on this system.
func fillSystem(f *Facts) {
	v := windows.RtlGetVersion()
	f.Kernel = fmt.Sprintf("%d.%d.%d", v.MajorVersion, v.MinorVersion, v.BuildNumber)
	proc := windows.NewLazySystemDLL("kernel32.dll").NewProc("GlobalMemoryStatusEx")
	st := memoryStatus{length: uint32(unsafe.Sizeof(memoryStatus{}))}
	if ok, _, _ := proc.Call(uintptr(unsafe.Pointer(&st))); ok != 0 {
		f.Memory = int64(st.totalPhys)    //nolint:gosec // bytes of memory fit
		f.Available = int64(st.availPhys) //nolint:gosec // bytes of memory fit
	}
}
