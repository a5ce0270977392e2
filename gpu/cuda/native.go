//go:build cuda && linux && cgo

package cuda

/*
#include <cuda.h>
#include <stdlib.h>

void vectorizer_driver_load(int *loaded, int *init, const char **text);

// launch starts f with an argument block of n bytes; one crossing, no allocation.
static CUresult launch(void *f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by,
                       unsigned bz, unsigned shared, void *stream, void *args, size_t n) {
	void *extra[] = {CU_LAUNCH_PARAM_BUFFER_POINTER, args, CU_LAUNCH_PARAM_BUFFER_SIZE, &n,
	                 CU_LAUNCH_PARAM_END};
	return cuLaunchKernel((CUfunction)f, gx, gy, gz, bx, by, bz, shared, (CUstream)stream, NULL, extra);
}

static CUresult shared_limit(void *f, int bytes) {
	return cuFuncSetAttribute((CUfunction)f, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, bytes);
}

static CUresult host_alloc(void **p, size_t n) { return cuMemHostAlloc(p, n, CU_MEMHOSTALLOC_PORTABLE); }
*/
import "C"

import (
	"fmt"
	"unsafe"

	"gorgonia.org/cu"

	"github.com/vectorizer-go/vectorizer/gpu/driver"
)

// driverState loads the driver's library, once, and returns why the driver cannot be used, or nil.
func driverState() error {
	var loaded, initial C.int
	var text *C.char
	C.vectorizer_driver_load(&loaded, &initial, &text)
	switch {
	case loaded == 0:
		return &driver.Error{Code: driver.NoDriver, Detail: C.GoString(text)}
	case initial == C.CUDA_ERROR_NO_DEVICE:
		return &driver.Error{Code: driver.NoDevice, Detail: "the driver lists none"}
	case initial == C.CUDA_ERROR_SYSTEM_DRIVER_MISMATCH || initial == C.CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE:
		return &driver.Error{Code: driver.OldDriver, Op: "cuInit", Detail: describe(initial)}
	case initial != 0:
		return &driver.Error{Code: driver.Broken, Op: "cuInit", Detail: describe(initial)}
	case C.GoString(text) != "":
		return &driver.Error{Code: driver.OldDriver, Detail: C.GoString(text)}
	}
	return nil
}

func describe(code C.int) string {
	var text *C.char
	if C.cuGetErrorString(C.CUresult(code), &text) != 0 || text == nil {
		return fmt.Sprintf("CUDA error %d", code)
	}
	return fmt.Sprintf("CUDA error %d, %s", code, C.GoString(text))
}

// classify sorts the driver's results; what is not here breaks the context.
func classify(code C.int) driver.Code {
	switch code {
	case C.CUDA_ERROR_OUT_OF_MEMORY:
		return driver.OutOfMemory
	case C.CUDA_ERROR_NO_DEVICE, C.CUDA_ERROR_INVALID_DEVICE, C.CUDA_ERROR_DEVICE_UNAVAILABLE:
		return driver.NoDevice
	case C.CUDA_ERROR_NO_BINARY_FOR_GPU, C.CUDA_ERROR_INVALID_IMAGE, C.CUDA_ERROR_INVALID_PTX,
		C.CUDA_ERROR_UNSUPPORTED_PTX_VERSION, C.CUDA_ERROR_JIT_COMPILER_NOT_FOUND, C.CUDA_ERROR_NOT_FOUND:
		return driver.NoImage
	case C.CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES, C.CUDA_ERROR_INVALID_VALUE:
		return driver.LaunchFailed
	case C.CUDA_ERROR_ILLEGAL_ADDRESS, C.CUDA_ERROR_LAUNCH_FAILED, C.CUDA_ERROR_MISALIGNED_ADDRESS,
		C.CUDA_ERROR_ILLEGAL_INSTRUCTION, C.CUDA_ERROR_INVALID_ADDRESS_SPACE, C.CUDA_ERROR_INVALID_PC,
		C.CUDA_ERROR_HARDWARE_STACK_ERROR, C.CUDA_ERROR_ASSERT, C.CUDA_ERROR_LAUNCH_TIMEOUT:
		return driver.Sticky
	case C.CUDA_ERROR_ECC_UNCORRECTABLE, C.CUDA_ERROR_NVLINK_UNCORRECTABLE, C.CUDA_ERROR_CONTEXT_IS_DESTROYED,
		C.CUDA_ERROR_DEINITIALIZED:
		return driver.Lost
	}
	return driver.Broken
}

// failure is the error of a call that is made here.
func failure(op string, code C.CUresult) error {
	if code == 0 {
		return nil
	}
	return &driver.Error{Code: classify(C.int(code)), Op: op, Detail: describe(C.int(code))}
}

// wrap is the same for a call that was made through cu, whose errors are the
// driver's codes under a type that is not exported.
func wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	code := C.int(999) // CUDA_ERROR_UNKNOWN
	for _, known := range []struct {
		err  error
		code C.int
	}{
		{cu.OutOfMemory, C.CUDA_ERROR_OUT_OF_MEMORY}, {cu.NoDevice, C.CUDA_ERROR_NO_DEVICE},
		{cu.InvalidDevice, C.CUDA_ERROR_INVALID_DEVICE}, {cu.NoBinaryForGpu, C.CUDA_ERROR_NO_BINARY_FOR_GPU},
		{cu.InvalidImage, C.CUDA_ERROR_INVALID_IMAGE}, {cu.InvalidPtx, C.CUDA_ERROR_INVALID_PTX},
		{cu.JitCompilerNotFound, C.CUDA_ERROR_JIT_COMPILER_NOT_FOUND}, {cu.NotFound, C.CUDA_ERROR_NOT_FOUND},
		{cu.InvalidValue, C.CUDA_ERROR_INVALID_VALUE}, {cu.IllegalAddress, C.CUDA_ERROR_ILLEGAL_ADDRESS},
		{cu.LaunchFailed, C.CUDA_ERROR_LAUNCH_FAILED}, {cu.EccUncorrectable, C.CUDA_ERROR_ECC_UNCORRECTABLE},
		{cu.ContextIsDestroyed, C.CUDA_ERROR_CONTEXT_IS_DESTROYED},
		{cu.Deinitialized, C.CUDA_ERROR_DEINITIALIZED},
		{cu.LaunchTimeout, C.CUDA_ERROR_LAUNCH_TIMEOUT}, {cu.MisalignedAddress, C.CUDA_ERROR_MISALIGNED_ADDRESS},
		{cu.IllegalInstruction, C.CUDA_ERROR_ILLEGAL_INSTRUCTION},
	} {
		if err == known.err {
			code = known.code
		}
	}
	return &driver.Error{Code: classify(code), Op: op, Detail: err.Error()}
}

// handle reads the driver's pointer out of one of cu's types, which are structs of
// one pointer and do not give it away.
func handle[T cu.Function | cu.Stream](t T) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Pointer(&t))
}

func launch(f cu.Function, s cu.Stream, l driver.Launch) C.CUresult {
	return C.launch(handle(f), C.uint(l.Grid[0]), C.uint(l.Grid[1]), C.uint(l.Grid[2]),
		C.uint(l.Block[0]), C.uint(l.Block[1]), C.uint(l.Block[2]), C.uint(l.SharedBytes),
		handle(s), unsafe.Pointer(&l.Args[0]), C.size_t(len(l.Args)))
}

// allowShared lets a kernel use bytes of shared memory, which above 48 KiB it
// has to ask for.
func allowShared(f cu.Function, bytes int) error {
	return failure("shared memory", C.shared_limit(handle(f), C.int(bytes)))
}

func allocHost(n int) ([]byte, error) {
	var p unsafe.Pointer
	if err := failure("alloc host", C.host_alloc(&p, C.size_t(n))); err != nil {
		return nil, err
	}
	return unsafe.Slice((*byte)(p), n), nil
}
