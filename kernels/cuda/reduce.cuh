// Sums across a warp.
#ifndef VECTORIZER_REDUCE_CUH
#define VECTORIZER_REDUCE_CUH

#include "port.cuh"

// Scatter sums v[0..n) over the 32 lanes and leaves sum i with the lanes
// i*32/n .. (i+1)*32/n-1: n-1+log2(32/n) shuffles for n sums, where one after
// the other would take 5n. n is a power of two up to 32.
template <int n>
struct Scatter {
  static __device__ __forceinline__ float sum(const float (&v)[n], u32 lane, int mask) {
    float half[n / 2];
    bool up = lane & mask;
#pragma unroll
    for (int i = 0; i < n / 2; i++) {
      float send = up ? v[i] : v[i + n / 2];
      float keep = up ? v[i + n / 2] : v[i];
      half[i] = keep + __shfl_xor_sync(FULL, send, mask);
    }
    return Scatter<n / 2>::sum(half, lane, mask >> 1);
  }
};
template <>
struct Scatter<1> {
  static __device__ __forceinline__ float sum(const float (&v)[1], u32, int mask) {
    float s = v[0];
    for (; mask > 0; mask >>= 1) s += __shfl_xor_sync(FULL, s, mask);
    return s;
  }
};

__device__ __forceinline__ float warp_sum(float s) {
#pragma unroll
  for (int m = 16; m > 0; m >>= 1) s += __shfl_xor_sync(FULL, s, m);
  return s;
}
__device__ __forceinline__ double warp_sum(double s) {
#pragma unroll
  for (int m = 16; m > 0; m >>= 1) s += __shfl_xor_sync(FULL, s, m);
  return s;
}

// finish turns a sum of squares or of products into the metric's distance.
__device__ __forceinline__ float finish(float sum, u32 metric) {
  return metric == kL2 ? sum : metric == kDot ? -sum : 1.0f - sum;
}

__device__ __forceinline__ void add_squares(float& s, const float4& x, const float4& y) {
  float a = x.x - y.x, b = x.y - y.y, c = x.z - y.z, d = x.w - y.w;
  s = fmaf(a, a, s);
  s = fmaf(b, b, s);
  s = fmaf(c, c, s);
  s = fmaf(d, d, s);
}
__device__ __forceinline__ void add_products(float& s, const float4& x, const float4& y) {
  s = fmaf(x.x, y.x, s);
  s = fmaf(x.y, y.y, s);
  s = fmaf(x.z, y.z, s);
  s = fmaf(x.w, y.w, s);
}

#endif
