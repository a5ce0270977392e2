// Exact distances in f32, fused with the choice of what may be a result: the
// distances themselves never reach device memory.
//
// A search is four launches. sample looks at every step-th row and keeps, per
// query, the least distance of each group of rows; pick_limit makes the k-th
// least of them the limit, which at least k rows are within; scan looks at every
// row and appends those within the limit to the query's list, some k*step of
// them; select sorts the list. Without a sample the limit is infinite.
//
// A warp takes a group of 4 rows and QB queries at a time: 4*QB sums, 4 loads of
// 16 bytes in flight per lane. Queries stay in the first-level cache.
//
// The same over rows of f16 and of codes (elem.cuh), of which fewer bytes are read.
//
// Roofline, N rows of d floats, Q queries: bytes N*d*4*ceil(Q/8)/(L2 reuse),
// operations 2*N*d*Q (3*N*d*Q under L2) in f32. See kernels/NOTES.md.
#include "elem.cuh"
#include "key.cuh"
#include "reduce.cuh"

template <class E, int QB, bool l2>
__device__ __forceinline__ float group_sums(const ScanArgs& a, u32 group, u32 q0, u32 lane) {
  const typename E::Stored* v[kGroup];
  float scale[kGroup];
#pragma unroll
  for (u32 r = 0; r < kGroup; r++) {
    u64 i = (u64)min(group * kGroup + r, a.items - 1) * a.step;
    v[r] = row_at<E>(a.rows, i, a.stride);
    scale[r] = row_scale<E>(a.stats, i);
  }
  const float4* q = (const float4*)((const float*)a.queries);
  u32 chunks = a.stride / 4;
  float sums[kGroup * QB];
#pragma unroll
  for (int i = 0; i < kGroup * QB; i++) sums[i] = 0;
  for (u32 c = lane; c < chunks; c += 32) {
    float4 x[kGroup];
#pragma unroll
    for (int r = 0; r < kGroup; r++) x[r] = E::four(v[r], c, scale[r]);
#pragma unroll
    for (int j = 0; j < QB; j++) {
      float4 y = __ldg(q + (u64)min(q0 + j, a.nq - 1) * chunks + c);
#pragma unroll
      for (int r = 0; r < kGroup; r++) {
        if (l2) {
          add_squares(sums[j * kGroup + r], x[r], y);
        } else {
          add_products(sums[j * kGroup + r], x[r], y);
        }
      }
    }
  }
  return Scatter<kGroup * QB>::sum(sums, lane, 16);
}

// live_rows has a bit for each row of a group that the query does not leave out, or, of
// eight queries, for each lane, which has one row and query.
template <int QB>
__device__ __forceinline__ u32 live_rows(const ScanArgs& a, const u64* skip, u32 group, u32 lane) {
  if (QB > 1) {
    u32 at = group * kGroup + lane % kGroup, q = blockIdx.y * QB + lane / kGroup;
    return __ballot_sync(FULL, q < a.nq && at < a.items && !skipped(skip, a.skipWords, a.first + at * a.step));
  }
  u32 live = 0;
#pragma unroll
  for (u32 i = 0; i < kGroup; i++) {
    u32 at = group * kGroup + i;
    if (at < a.items && !skipped(skip, a.skipWords, a.first + at * a.step)) live |= 1u << i;
  }
  return live;
}

template <class E, int QB, bool sample, bool l2>
__device__ __forceinline__ void scan(const ScanArgs& a) {
  const u32 spread = 32 / (kGroup * QB); // lanes that hold the same sum
  u32 lane = threadIdx.x & 31;
  u32 r = lane / spread % kGroup, q = blockIdx.y * QB + lane / spread / kGroup;
  bool mine = lane % spread == 0 && q < a.nq;
  const u64* skip = QB == 1 ? (const u64*)a.skip : skip_of(a, min(q, a.nq - 1));
  u64 limit = mine && !sample ? ((const u64*)a.limit)[q] : 0;
  u32 warps = blockDim.x >> 5, groups = (a.items + kGroup - 1) / kGroup;
  for (u32 g = blockIdx.x * warps + (threadIdx.x >> 5); g < groups; g += gridDim.x * warps) {
    u32 live = live_rows<QB>(a, skip, g, lane);
    u64 key = NO_KEY;
    if (live != 0) { // the same for the whole warp
      float d = finish(group_sums<E, QB, l2>(a, g, blockIdx.y * QB, lane), a.metric);
      if (live >> (QB == 1 ? r : lane) & 1) key = make_key(d, a.first + (g * kGroup + r) * a.step);
    }
    if (sample) {
      u32 least = (u32)(key >> 32);
      least = min(least, __shfl_xor_sync(FULL, least, spread));
      least = min(least, __shfl_xor_sync(FULL, least, 2 * spread));
      if (mine && r == 0) ((u32*)a.least)[(u64)q * a.groups + g] = least;
    } else if (mine && key != NO_KEY && key <= limit) {
      append((u64*)a.list, (u32*)a.count, a.cap, q, key);
    }
  }
}

#define SCAN_KERNEL(name, E, queries, sample)                                      \
  extern "C" __global__ void __launch_bounds__(256) name(const ScanArgs a) {        \
    if (a.metric == kL2) {                                                          \
      scan<E, queries, sample, true>(a);                                            \
    } else {                                                                        \
      scan<E, queries, sample, false>(a);                                           \
    }                                                                               \
  }
#define SCAN_KERNELS(elem, E)                 \
  SCAN_KERNEL(scan_##elem##_1, E, 1, false)   \
  SCAN_KERNEL(scan_##elem##_8, E, 8, false)   \
  SCAN_KERNEL(sample_##elem##_1, E, 1, true)  \
  SCAN_KERNEL(sample_##elem##_8, E, 8, true)
SCAN_KERNELS(f32, F32)
SCAN_KERNELS(f16, F16)
SCAN_KERNELS(i8, I8)
