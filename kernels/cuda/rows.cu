// Rows and queries as the scans want them: padded with zeros, of unit length
// under cosine, with a bf16 copy and what bounds its error.
//
// stats of a row v and its bf16 copy w:
//   x  |v|, rounded up
//   y  |v - w|, rounded up
//   z  |v|^2 under L2, else 0
//   w  unused
// Sums are in double: they are 1 % of the bytes that move.
#include "reduce.cuh"

extern "C" __global__ void __launch_bounds__(256) store_rows(const StoreArgs a) {
  u32 lane = threadIdx.x & 31;
  u32 row = blockIdx.x * (blockDim.x >> 5) + (threadIdx.x >> 5);
  if (row >= a.count) return;
  const float* src = (const float*)a.src + (u64)row * a.dim;
  double squares = 0;
  for (u32 i = lane; i < a.dim; i += 32) squares += (double)src[i] * src[i];
  squares = warp_sum(squares);
  double scale = 1;
  if (a.normalise && squares > 0) scale = 1 / sqrt(squares);

  float* dst = (float*)a.rows + (u64)row * a.stride;
  for (u32 i = lane; i < a.stride; i += 32) dst[i] = i < a.dim ? (float)(src[i] * scale) : 0.0f;
  if (a.half == 0) return;

  unsigned short* half = (unsigned short*)a.half + (u64)row * a.halfStride;
  double kept = 0, lost = 0;
  for (u32 i = lane; i < a.halfStride; i += 32) {
    float x = i < a.dim ? (float)(src[i] * scale) : 0.0f;
    unsigned short h = to_bf16(x);
    half[i] = h;
    double e = (double)x - from_bf16(h);
    kept += (double)x * x;
    lost += e * e;
  }
  kept = warp_sum(kept);
  lost = warp_sum(lost);
  if (lane == 0) {
    const float up = 1.000001f;
    float4 s;
    s.x = (float)sqrt(kept) * up;
    s.y = (float)sqrt(lost) * up;
    s.z = a.metric == kL2 ? (float)kept : 0.0f;
    s.w = 0;
    ((float4*)a.stats)[row] = s;
  }
}
