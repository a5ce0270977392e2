// The limit of a scan: one block a query.
#include "key.cuh"

// pick_limit finds the k-th least of the query's sample bit by bit, from the
// highest: a bit is set if fewer than k values are below the number with it. 32
// passes over values that lie in the cache, without the collisions that a
// histogram of nearly equal floats has.
extern "C" __global__ void __launch_bounds__(256) pick_limit(const LimitArgs a) {
  __shared__ u32 below[32];
  u32 q = blockIdx.x;
  const u32* least = (const u32*)a.least + (u64)q * a.groups;
  if (threadIdx.x < 32) below[threadIdx.x] = 0;
  u32 found = 0;
  if (a.groups >= a.k) {
    for (int bit = 31; bit >= 0; bit--) {
      __syncthreads();
      u32 tried = found | 1u << bit, n = 0;
      for (u32 i = threadIdx.x; i < a.groups; i += blockDim.x) n += least[i] < tried;
#pragma unroll
      for (int m = 16; m > 0; m >>= 1) n += __shfl_xor_sync(FULL, n, m);
      if ((threadIdx.x & 31) == 0) atomicAdd(&below[bit], n);
      __syncthreads();
      if (below[bit] < a.k) found = tried;
    }
  } else {
    found = 0xffffffffu;
  }
  if (threadIdx.x == 0) {
    u64 limit = (u64)found << 32 | 0xffffffffu;
    if (a.best != 0) limit = min(limit, ((const u64*)a.best)[(u64)q * a.k + a.k - 1]);
    ((u64*)a.limit)[q] = limit;
    ((u32*)a.count)[q] = 0;
  }
}
