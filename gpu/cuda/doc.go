// Package cuda is the driver.Driver on NVIDIA devices, by gorgonia.org/cu. It is
// compiled with -tags cuda (build/cuda.sh, make cuda); without the tag New says
// that it was not built in.
//
// The binary is linked against compat/, a static libcuda of trampolines that looks
// for the driver's library when the process starts: it runs with and without one.
//
// Three calls are made here and not through cu, because its root package lacks
// them or cannot do them: pinned memory (cuMemHostAlloc), launches with an
// argument block (cu copies 8 bytes an argument and allocates twice a launch),
// and the opt-in to large shared memory (cuFuncSetAttribute).
package cuda
