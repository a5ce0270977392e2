// From lower bounds to results: one block a query.
#include "elem.cuh"
#include "key.cuh"
#include "reduce.cuh"

// exact computes the distance of query q and row by one warp.
template <class E>
__device__ __forceinline__ float exact(const RefineArgs& a, u32 q, u32 row, u32 lane) {
  const typename E::Stored* x = row_at<E>(a.rows, row, a.stride);
  float scale = row_scale<E>(a.stats, row);
  const float4* y = (const float4*)((const float*)a.queries + (u64)q * a.stride);
  float s = 0;
  for (u32 c = lane; c < a.stride / 4; c += 32) {
    if (a.metric == kL2) {
      add_squares(s, E::four(x, c, scale), __ldg(y + c));
    } else {
      add_products(s, E::four(x, c, scale), __ldg(y + c));
    }
  }
  return finish(warp_sum(s), a.metric);
}

// replace turns keys[from..to) from bounds into exact distances and raises *worst
// to the largest of them.
template <class E>
__device__ __forceinline__ void replace(const RefineArgs& a, u32 q, u64* keys, u32 from, u32 to, u32* worst) {
  u32 lane = threadIdx.x & 31, warps = blockDim.x >> 5;
  for (u32 i = from + (threadIdx.x >> 5); i < to; i += warps) {
    u32 row = (u32)keys[i];
    float d = exact<E>(a, q, row, lane);
    if (lane == 0) {
      keys[i] = make_key(d, row);
      atomicMax(worst, ordered(d));
    }
  }
  __syncthreads();
}

// refine_query sorts the candidates by lower bound and computes the exact distances of
// the first k. The largest of those is a distance that k rows are within, so only
// candidates with a lower bound within it can still be results: they are next in
// the order. Their exact distances decide.
template <class E>
__device__ __forceinline__ void refine_query(const RefineArgs& a) {
  SHARED_BYTES(memory);
  u64* keys = (u64*)memory;
  __shared__ u32 worst, within;
  u32 q = blockIdx.x, appended = ((const u32*)a.count)[q];
  u32 listed = min(appended, a.cap), n = power_of_two(max(listed, a.k));
  for (u32 i = threadIdx.x; i < n; i += blockDim.x) {
    keys[i] = i < listed ? ((const u64*)a.list)[(u64)q * a.cap + i] : NO_KEY;
  }
  if (threadIdx.x == 0) {
    worst = 0;
    within = 0;
  }
  sort_keys(keys, n); // every thread has read the count when it ends
  if (threadIdx.x == 0) {
    ((u32*)a.flags)[q] = appended > a.cap;
    ((u32*)a.count)[q] = 0;
  }
  if (appended > a.cap) return;
  u32 head = min(a.k, listed);
  replace<E>(a, q, keys, 0, head, &worst);
  u32 bound = worst;
  for (u32 i = head + threadIdx.x; i < listed; i += blockDim.x) {
    if ((u32)(keys[i] >> 32) <= bound) atomicAdd(&within, 1u);
  }
  __syncthreads();
  u32 tail = head + within;
  replace<E>(a, q, keys, head, tail, &worst);
  n = power_of_two(max(tail, a.k));
  for (u32 i = tail + threadIdx.x; i < n; i += blockDim.x) keys[i] = NO_KEY;
  sort_keys(keys, n);
  if (threadIdx.x == 0) ((u32*)a.work)[q] = tail;
  for (u32 i = threadIdx.x; i < a.k; i += blockDim.x) {
    u64 key = keys[i];
    ((u32*)a.ids)[(u64)q * a.k + i] = (u32)key;
    ((float*)a.dist)[(u64)q * a.k + i] = key == NO_KEY ? INFINITY : unordered((u32)(key >> 32));
  }
}

extern "C" __global__ void __launch_bounds__(256) refine(const RefineArgs a) { refine_query<F32>(a); }
extern "C" __global__ void __launch_bounds__(256) refine_f16(const RefineArgs a) { refine_query<F16>(a); }
extern "C" __global__ void __launch_bounds__(256) refine_i8(const RefineArgs a) { refine_query<I8>(a); }
