/* A static libcuda: every call that the binary refers to jumps through a slot,
 * and the slots are filled from the driver's library when it is there. A binary
 * that is linked against this needs no libcuda to start.
 *
 * gorgonia.org/cu calls cuInit before main and ends the process when it fails, so
 * cuInit does nothing here and succeeds. vectorizer_driver_load looks for the
 * library and initialises it, once, when the caller is ready for what a broken
 * driver may do. Before that, and without a driver, there are 0 devices and every
 * other call returns CUDA_ERROR_NO_DEVICE.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "symbols.h"

enum { success = 0, no_device = 100 };

static int absent(void) { return no_device; }

#define SLOT(name) __attribute__((visibility("hidden"))) void *vectorizer_slot_##name = (void *)absent;
SYMBOLS(SLOT)

#if defined(__x86_64__)
#define TRAMPOLINE(name)                                   \
  __asm__(".text\n.globl " #name "\n.type " #name ",@function\n" #name \
          ":\n  jmp *vectorizer_slot_" #name "(%rip)\n.size " #name ",.-" #name "\n");
#elif defined(__aarch64__)
#define TRAMPOLINE(name)                                   \
  __asm__(".text\n.globl " #name "\n.type " #name ",%function\n" #name \
          ":\n  adrp x16, vectorizer_slot_" #name "\n  ldr x16, [x16, #:lo12:vectorizer_slot_" #name \
          "]\n  br x16\n.size " #name ",.-" #name "\n");
#else
#error "gpu/cuda/compat: no trampoline for this processor"
#endif
SYMBOLS(TRAMPOLINE)

/* What package cuda calls; a driver without one of these is of no use. The rest of
 * gorgonia.org/cu may be missing. */
#define REQUIRED(X)                                                                        \
  X(cuDeviceGet) X(cuDeviceGetName) X(cuDeviceTotalMem_v2) X(cuDeviceGetAttribute)         \
  X(cuCtxCreate_v2) X(cuCtxSetCurrent) X(cuCtxDestroy_v2) X(cuModuleLoadData)              \
  X(cuModuleGetFunction) X(cuFuncSetAttribute) X(cuMemGetInfo_v2) X(cuMemAlloc_v2)         \
  X(cuMemFree_v2) X(cuMemHostAlloc) X(cuMemFreeHost) X(cuStreamCreate) X(cuStreamDestroy_v2) \
  X(cuStreamQuery) X(cuMemcpyHtoDAsync_v2) X(cuMemcpyDtoHAsync_v2) X(cuLaunchKernel)

static struct {
  int loaded;     /* the library was found */
  int init;       /* what its cuInit returned */
  char text[512]; /* why it was not found, or a call that it lacks */
} state;

static int (*real_count)(int *);
static int (*real_version)(int *);

static void load(void) {
  /* Another name, for tests and for drivers in odd places. */
  const char *name = getenv("VECTORIZER_LIBCUDA");
  void *lib = dlopen(name && *name ? name : "libcuda.so.1", RTLD_NOW | RTLD_GLOBAL);
  if (!lib) {
    snprintf(state.text, sizeof state.text, "%s", dlerror());
    return;
  }
  state.loaded = 1;
  int (*init)(unsigned) = (int (*)(unsigned))dlsym(lib, "cuInit");
  real_count = (int (*)(int *))dlsym(lib, "cuDeviceGetCount");
  real_version = (int (*)(int *))dlsym(lib, "cuDriverGetVersion");
  state.init = init ? init(0) : no_device;
#define FILL(name)                                                                 \
  {                                                                                \
    void *at = dlsym(lib, #name);                                                  \
    if (at) {                                                                      \
      vectorizer_slot_##name = at;                                                 \
    }                                                                              \
  }
  SYMBOLS(FILL)
#define REQUIRE(name) \
  if (vectorizer_slot_##name == (void *)absent) snprintf(state.text, sizeof state.text, "the driver has no " #name);
  REQUIRED(REQUIRE)
}


int cuInit(unsigned flags) {
  (void)flags;
  return success;
}

int cuDeviceGetCount(int *count) {
  *count = 0;
  if (!real_count || state.init != success) return success;
  return real_count(count);
}

int cuDriverGetVersion(int *version) {
  *version = 0;
  return real_version ? real_version(version) : success;
}

/* vectorizer_driver_load says what was found: whether the library was loaded,
 * what its cuInit returned, and a text. */
void vectorizer_driver_load(int *loaded, int *init, const char **text) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, load);
  *loaded = state.loaded;
  *init = state.init;
  *text = state.text;
}
