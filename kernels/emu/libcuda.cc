// A libcuda.so.1 whose device is the emulation: the calls of the driver API that
// gpu/cuda makes, so that the binding, the trampolines and a whole server run where
// there is no GPU. VECTORIZER_LIBCUDA=path of this library selects it.
//
// It is strict where a real driver is: a call without a current context fails, so
// does a launch with the wrong argument block, and after a fault every call does.
// Work runs when it is queued, not later.
//
// EMU_CUDA_INIT=n makes cuInit return n; EMU_CUDA_FAULT=n makes the
// n-th launch fault.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <map>
#include <mutex>

#include "table.h"

namespace {

enum {
  kSuccess = 0,
  kInvalidValue = 1,
  kOutOfMemory = 2,
  kInvalidDevice = 101,
  kInvalidContext = 201,
  kNotFound = 500,
  kLaunchFailed = 719
};

constexpr uint64_t kMemory = 512ull << 20;
constexpr int kShared = 99 << 10;

struct Context {
  bool dead = false;
};

std::mutex mutex;  // guards everything below; the emulation runs one launch at a time
std::map<uint64_t, uint64_t> allocated;
uint64_t held;
unsigned launches;

thread_local Context* current;

// check returns why no call can be made now, or 0.
int check() {
  if (!current) return kInvalidContext;
  return current->dead ? kLaunchFailed : kSuccess;
}

int number(const char* name) {
  const char* v = getenv(name);
  return v ? atoi(v) : 0;
}

}  // namespace

#define API extern "C" __attribute__((visibility("default")))
#define CHECK() \
  if (int e = check()) return e

API int cuInit(unsigned) { return number("EMU_CUDA_INIT"); }
API int cuDriverGetVersion(int* v) { return *v = 13000, kSuccess; }
API int cuDeviceGetCount(int* n) { return *n = 1, kSuccess; }
API int cuDeviceGet(int* d, int i) { return *d = i, i == 0 ? kSuccess : kInvalidDevice; }
API int cuDeviceGetName(char* name, int n, int) { return snprintf(name, (size_t)n, "emulated device"), kSuccess; }
API int cuDeviceTotalMem_v2(size_t* n, int) { return *n = kMemory, kSuccess; }

API int cuDeviceGetAttribute(int* v, int which, int) {
  switch (which) {
    case 16: *v = 4; break;        // multiprocessors
    case 75: *v = 8; break;        // capability, major
    case 76: *v = 0; break;        // minor
    case 97: *v = kShared; break;  // shared memory of a block, on request
    default: return kInvalidValue;
  }
  return kSuccess;
}

API int cuCtxCreate_v2(Context** c, unsigned, int) { return current = *c = new Context, kSuccess; }
API int cuCtxSetCurrent(Context* c) { return current = c, kSuccess; }
API int cuCtxDestroy_v2(Context* c) {
  if (!c) return kInvalidContext;
  if (current == c) current = nullptr;
  std::lock_guard<std::mutex> lock(mutex);
  for (auto& a : allocated) free((void*)a.first);
  allocated.clear(), held = 0;
  delete c;
  return kSuccess;
}

API int cuModuleLoadData(void** m, const void*) {
  CHECK();
  return *m = &mutex, kSuccess;  // one module, which is compiled in
}
API int cuModuleGetFunction(const emu::Entry** f, void*, const char* name) {
  CHECK();
  *f = emu::find(name, strlen(name) + 1);
  return *f ? kSuccess : kNotFound;
}
API int cuFuncSetAttribute(const emu::Entry*, int, int bytes) {
  CHECK();
  return bytes <= kShared ? kSuccess : kInvalidValue;
}

API int cuMemGetInfo_v2(size_t* available, size_t* total) {
  CHECK();
  std::lock_guard<std::mutex> lock(mutex);
  return *available = kMemory - held, *total = kMemory, kSuccess;
}
API int cuMemAlloc_v2(uint64_t* p, size_t n) {
  CHECK();
  std::lock_guard<std::mutex> lock(mutex);
  if (n == 0) return kInvalidValue;
  if (held + n > kMemory) return kOutOfMemory;
  void* at = aligned_alloc(256, (n + 255) / 256 * 256);
  if (!at) return kOutOfMemory;
  memset(at, 0xff, n);
  allocated[*p = (uint64_t)at] = n, held += n;
  return kSuccess;
}
API int cuMemFree_v2(uint64_t p) {
  CHECK();
  std::lock_guard<std::mutex> lock(mutex);
  auto a = allocated.find(p);
  if (a == allocated.end()) return kInvalidValue;
  held -= a->second, allocated.erase(a);
  free((void*)p);
  return kSuccess;
}
API int cuMemHostAlloc(void** p, size_t n, unsigned) {
  CHECK();
  return *p = malloc(n), *p ? kSuccess : kOutOfMemory;
}
API int cuMemFreeHost(void* p) {
  CHECK();
  return free(p), kSuccess;
}

API int cuStreamCreate(void** s, unsigned) {
  CHECK();
  return *s = malloc(1), kSuccess;
}
API int cuStreamDestroy_v2(void* s) {
  CHECK();
  return free(s), kSuccess;
}
API int cuStreamQuery(void*) { return check(); }

// Events are times of the host: the work has run when an event is recorded.
API int cuEventCreate(timespec** e, unsigned) {
  CHECK();
  return *e = new timespec{}, kSuccess;
}
API int cuEventDestroy_v2(timespec* e) {
  CHECK();
  return delete e, kSuccess;
}
API int cuEventRecord(timespec* e, void*) {
  CHECK();
  return clock_gettime(CLOCK_MONOTONIC, e) == 0 ? kSuccess : kInvalidValue;
}
API int cuEventElapsedTime(float* ms, const timespec* from, const timespec* to) {
  CHECK();
  *ms = (float)((double)(to->tv_sec - from->tv_sec) * 1e3 + (double)(to->tv_nsec - from->tv_nsec) / 1e6);
  return kSuccess;
}

API int cuMemcpyHtoDAsync_v2(uint64_t to, const void* from, size_t n, void*) {
  CHECK();
  return memcpy((void*)to, from, n), kSuccess;
}
API int cuMemcpyDtoHAsync_v2(void* to, uint64_t from, size_t n, void*) {
  CHECK();
  return memcpy(to, (const void*)from, n), kSuccess;
}

API int cuLaunchKernel(const emu::Entry* f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by,
                       unsigned bz, unsigned shared, void*, void** params, void** extra) {
  CHECK();
  // extra: pointer tag, block, size tag, its size, end.
  if (!f || params || !extra || extra[0] != (void*)1 || extra[2] != (void*)2 || extra[4]) return kInvalidValue;
  if (*(size_t*)extra[3] != f->arg_bytes || shared > kShared) return kInvalidValue;
  alignas(16) char args[4096];
  memcpy(args, extra[1], f->arg_bytes);
  std::lock_guard<std::mutex> lock(mutex);
  emu::Launch l = {f->kernel, {gx, gy, gz}, {bx, by, bz}, shared, ++launches, args};
  const char* error = launches == (unsigned)number("EMU_CUDA_FAULT") ? "asked for" : emu::launch(l);
  if (!error) return kSuccess;
  fprintf(stderr, "emulated device: %s: %s\n", f->name, error);
  current->dead = true;  // the launch itself succeeds, as with a driver
  return kSuccess;
}

API int cuGetErrorString(int, const char** text) { return *text = "by the emulated driver", kSuccess; }
