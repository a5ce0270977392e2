// Rows and queries as the scans want them: padded with zeros, of unit length
// under cosine, with a copy for tensor cores and what bounds its error.
//
// The copy is bf16 of a row in float, or it is the row itself, as f16 or as codes.
// Queries have the copy of the rows that they are for, scaled to what it can hold.
//
// stats of a vector v and its copy w:
//   x  |v|, rounded up; of the copy where that is the row
//   y  |v - w|, rounded up; 0 where the copy is the row
//   z  |v|^2 under L2, else 0
//   w  scale of the copy
// Sums are in double: they are 1 % of the bytes that move.
#include "reduce.cuh"

// The copies. scale is chosen from the largest magnitude, exact says whether the copy
// is the row; put stores component i of a vector and returns what it then stands for.
struct Bf16Copy {
  static __device__ __forceinline__ float scale(float, bool) { return 1; }
  static __device__ __forceinline__ double put(unsigned short* to, u32 i, float x, float, float) {
    return from_bf16(to[i] = to_bf16(x));
  }
};

struct F16Copy {
  // Rows are what f16 makes of them; queries are scaled by a power of two below 2.
  static __device__ __forceinline__ float scale(float top, bool row) {
    if (row) return 1;
    return __uint_as_float(max(min(__float_as_uint(top) & 0x7f800000u, 0x7e800000u), 0x00800000u));
  }
  static __device__ __forceinline__ double put(unsigned short* to, u32 i, float x, float, float scale) {
    return (double)from_f16(to[i] = to_f16(x / scale)) * scale;
  }
};

struct I8Copy {
  static __device__ __forceinline__ float scale(float top, bool) { return (float)((double)top / 127); }
  static __device__ __forceinline__ double put(unsigned short* to, u32 i, float x, float top, float scale) {
    int code = top > 0 ? (int)rint((double)x * 127 / top) : 0;
    ((signed char*)to)[i] = (signed char)code;
    return (double)((float)code * scale);
  }
};

// perWord is the components in a word of the copy.
template <class Copy, u32 perWord>
__device__ __forceinline__ void store(const StoreArgs& a) {
  u32 lane = threadIdx.x & 31;
  u32 row = blockIdx.x * (blockDim.x >> 5) + (threadIdx.x >> 5);
  if (row >= a.count) return;
  const float* src = (const float*)a.src + (u64)row * a.dim;
  double squares = 0;
  for (u32 i = lane; i < a.dim; i += 32) squares += (double)src[i] * src[i];
  squares = warp_sum(squares);
  double unit = 1;
  if (a.normalise && squares > 0) unit = 1 / sqrt(squares);

  float* dst = (float*)a.rows + (u64)row * a.stride;
  u32 top = 0; // bits of the largest magnitude
  for (u32 i = lane; i < a.stride; i += 32) {
    float x = i < a.dim ? (float)(src[i] * unit) : 0.0f;
    top = max(top, __float_as_uint(x) & 0x7fffffffu);
    if (a.rows != 0) dst[i] = x;
  }
  if (a.half == 0) return;
#pragma unroll
  for (int m = 16; m > 0; m >>= 1) top = max(top, __shfl_xor_sync(FULL, top, m));

  bool isRow = a.rows == 0;
  float largest = __uint_as_float(top), scale = Copy::scale(largest, isRow);
  unsigned short* half = (unsigned short*)a.half + (u64)row * a.halfStride;
  double kept = 0, lost = 0;
  for (u32 i = lane; i < a.halfStride * perWord; i += 32) {
    float x = i < a.dim ? (float)(src[i] * unit) : 0.0f;
    double w = Copy::put(half, i, x, largest, scale);
    double v = isRow ? w : (double)x;
    kept += v * v;
    lost += (v - w) * (v - w);
  }
  kept = warp_sum(kept);
  lost = warp_sum(lost);
  if (lane == 0) {
    const float up = 1.000001f;
    float4 s;
    s.x = (float)sqrt(kept) * up;
    s.y = (float)sqrt(lost) * up;
    s.z = a.metric == kL2 ? (float)kept : 0.0f;
    s.w = scale;
    ((float4*)a.stats)[row] = s;
  }
}

extern "C" __global__ void __launch_bounds__(256) store_rows(const StoreArgs a) { store<Bf16Copy, 1>(a); }
extern "C" __global__ void __launch_bounds__(256) store_f16(const StoreArgs a) { store<F16Copy, 1>(a); }
extern "C" __global__ void __launch_bounds__(256) store_i8(const StoreArgs a) { store<I8Copy, 2>(a); }
