// The names that the kernels use, for a host compiler: one fiber per CUDA
// thread, blocks one after the other. Barriers, shuffles and ballots make fibers
// wait for each other; shared memory is one buffer; asynchronous copies happen as
// late as they may, so that a missing wait shows; tensor-core operations are
// scalar loops over what the hardware's lanes would hold.
//
// What this cannot show: races inside one warp's straight code, the memory model
// between blocks, timing. Blocks, warps and lanes run in an order that a seed
// reverses, so a result that depends on the order changes.
#ifndef VECTORIZER_EMU_H
#define VECTORIZER_EMU_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <algorithm>

#define __global__
#define __device__
#define __forceinline__ inline
#define __shared__ static
#define __launch_bounds__(...)
#define FULL 0xffffffffu
#define SHARED_BYTES(name) unsigned char* name = emu::shared_memory()

struct Dim3 {
  unsigned x, y, z;
};
struct alignas(16) float4 {
  float x, y, z, w;
};

namespace emu {
struct Lane {
  Dim3 thread, block;
  unsigned lane;
};
const Lane& self();
extern Dim3 block_dim, grid_dim;

unsigned char* shared_memory();
void block_barrier();
void warp_barrier(unsigned mask);

// exchange gives every lane's value to every lane of the warp: put, wait, read.
// Slots alternate, so that one barrier an exchange is enough.
struct Slots {
  uint64_t value[32][2];
};
Slots& slots();
void deposit(const void* p, size_t bytes);
template <class T>
T collect(unsigned lane) {
  T t;
  memcpy(&t, slots().value[lane & 31], sizeof t);
  return t;
}

void copy_later(void* dst, const void* src);
void copy_seal();
void copy_until(int groups);
[[noreturn]] void fail(const char* what);
}  // namespace emu

#define threadIdx (emu::self().thread)
#define blockIdx (emu::self().block)
#define blockDim (emu::block_dim)
#define gridDim (emu::grid_dim)

inline void __syncthreads() { emu::block_barrier(); }
inline void __syncwarp(unsigned mask = FULL) { emu::warp_barrier(mask); }

template <class T>
T __shfl_xor_sync(unsigned mask, T v, int other) {
  emu::deposit(&v, sizeof v);
  emu::warp_barrier(mask);
  return emu::collect<T>(emu::self().lane ^ (unsigned)other);
}
template <class T>
T __shfl_sync(unsigned mask, T v, int from) {
  emu::deposit(&v, sizeof v);
  emu::warp_barrier(mask);
  return emu::collect<T>((unsigned)from);
}
inline unsigned __ballot_sync(unsigned mask, int on) {
  emu::deposit(&on, sizeof on);
  emu::warp_barrier(mask);
  unsigned b = 0;
  for (unsigned i = 0; i < 32; i++) b |= (unsigned)(emu::collect<int>(i) != 0) << i;
  return b;
}
inline int __popc(unsigned x) { return __builtin_popcount(x); }

template <class T>
T __ldg(const T* p) {
  return *p;
}
template <class T>
T __ldcs(const T* p) {
  return *p;
}
inline unsigned atomicAdd(unsigned* p, unsigned v) {
  unsigned old = *p;
  *p += v;
  return old;
}
inline unsigned atomicMax(unsigned* p, unsigned v) {
  unsigned old = *p;
  *p = v > old ? v : old;
  return old;
}
using std::max;
using std::min;

inline unsigned __float_as_uint(float f) {
  unsigned u;
  memcpy(&u, &f, 4);
  return u;
}
inline float __uint_as_float(unsigned u) {
  float f;
  memcpy(&f, &u, 4);
  return f;
}

// Tensor cores. Lane l of ldmatrix holds the pair at row l/4, columns 2*(l%4) of
// each of four 8x8 matrices, whose row addresses are lanes 8m .. 8m+7's.
void ldmatrix4(u32 (&r)[4], const void* p);
// a: 16x16, rows l/4 and l/4+8, columns 2*(l%4) and +8; b: 16x8; c: 16x8.
void mma_bf16(float (&c)[4], const u32 (&a)[4], u32 b0, u32 b1);
void mma_f16(float (&c)[4], const u32 (&a)[4], u32 b0, u32 b1);
// The same bytes as codes: a 16x32, b 32x8.
void mma_i8(int (&c)[4], const u32 (&a)[4], u32 b0, u32 b1);

inline void copy16(void* shared, const void* global) {
  if (((uintptr_t)shared | (uintptr_t)global) % 16 != 0) emu::fail("copy16: not on a multiple of 16 bytes");
  emu::copy_later(shared, global);
}
inline void copy_commit() { emu::copy_seal(); }
template <int n>
void copy_wait() {
  emu::copy_until(n);
}

// f16 bits of x, rounded to nearest even, and back, by the definition: multiples of
// 2^-10 of the leading power of two, and never of less than 2^-24.
inline float from_f16(unsigned short h) {
  int e = h >> 10 & 31;
  float m = (float)(h & 1023), x;
  if (e == 31) {
    x = m != 0 ? NAN : INFINITY;
  } else if (e == 0) {
    x = ldexpf(m, -24);
  } else {
    x = ldexpf(m + 1024, e - 25);
  }
  return h >> 15 ? -x : x;
}
inline unsigned short to_f16(float x) {
  unsigned short sign = (unsigned short)(__float_as_uint(x) >> 16 & 0x8000u);
  double v = fabs((double)x);
  if (v != v) return 0x7fffu;
  if (v == 0) return sign;
  int e = v < INFINITY ? std::max(ilogb(v), -14) : 16;
  double n = e > 15 ? 2048 : nearbyint(ldexp(v, 10 - e)); // multiples of 2^(e-10), up to 2048
  if (e > 15 || (e == 15 && n >= 2048)) return sign | 0x7c00u;
  // Without the leading one below the exponent; a sum that reaches 2048 carries into it.
  return sign | (unsigned short)(n < 1024 ? n : (unsigned)(e + 14) * 1024 + (unsigned)n);
}
inline u32 stream4(const void* p) {
  if ((uintptr_t)p % 4 != 0) emu::fail("a load of 4 bytes that is not on a multiple of 4");
  u32 v;
  memcpy(&v, p, 4);
  return v;
}
inline u64 stream8(const void* p) {
  if ((uintptr_t)p % 8 != 0) emu::fail("a load of 8 bytes that is not on a multiple of 8");
  u64 v;
  memcpy(&v, p, 8);
  return v;
}

// bf16 bits of x, rounded to nearest even, by the definition: of the two
// neighbours the nearer, of two equally near the even one.
inline unsigned short to_bf16(float x) {
  u32 b = __float_as_uint(x), low = b & 0xffffu, high = b >> 16;
  if (low > 0x8000u || (low == 0x8000u && (high & 1))) high++;
  return (unsigned short)high;
}

#endif
