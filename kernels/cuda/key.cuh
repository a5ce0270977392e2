// Keys order results by (distance, row): one unsigned comparison decides, ties
// go to the smaller row, and the order of execution cannot show.
#ifndef VECTORIZER_KEY_CUH
#define VECTORIZER_KEY_CUH

#include "port.cuh"

#define NO_KEY 0xffffffffffffffffull

// ordered maps floats to unsigned integers of the same order. -0 becomes +0.
__device__ __forceinline__ u32 ordered(float f) {
  u32 b = __float_as_uint(f + 0.0f);
  return b ^ (b >> 31 ? 0xffffffffu : 0x80000000u);
}
__device__ __forceinline__ float unordered(u32 o) {
  return __uint_as_float(o ^ (o >> 31 ? 0x80000000u : 0xffffffffu));
}
__device__ __forceinline__ u64 make_key(float dist, u32 row) { return (u64)ordered(dist) << 32 | row; }

__device__ __forceinline__ bool skipped(const u64* skip, u32 words, u32 row) {
  u32 w = row >> 6;
  return w < words && (skip[w] >> (row & 63) & 1);
}

// skip_of is the bitmap of query q, which must be one.
template <class Args>
__device__ __forceinline__ const u64* skip_of(const Args& a, u32 q) {
  const u64* skip = (const u64*)a.skip;
  if (a.masks != 0) skip += (u64)((const u32*)a.masks)[q] * a.skipWords;
  return skip;
}

// append adds a key to query q's list, or only counts it when the list is full.
__device__ __forceinline__ void append(u64* list, u32* count, u32 cap, u32 q, u64 key) {
  u32 slot = atomicAdd(count + q, 1u);
  if (slot < cap) list[(u64)q * cap + slot] = key;
}

// sort_keys sorts n keys (a power of two) in shared memory, by all threads of
// the block: Batcher's bitonic network, log2(n)*(log2(n)+1)/2 steps.
__device__ __forceinline__ void sort_keys(u64* keys, u32 n) {
  for (u32 size = 2; size <= n; size <<= 1) {
    for (u32 stride = size >> 1; stride > 0; stride >>= 1) {
      __syncthreads();
      for (u32 t = threadIdx.x; t < n / 2; t += blockDim.x) {
        u32 i = 2 * t - (t & (stride - 1));
        u64 x = keys[i], y = keys[i + stride];
        bool up = (i & size) == 0;
        if ((x > y) == up) {
          keys[i] = y;
          keys[i + stride] = x;
        }
      }
    }
  }
  __syncthreads();
}

__device__ __forceinline__ u32 power_of_two(u32 n) {
  u32 p = 2;
  while (p < n) p <<= 1;
  return p;
}

#endif
