// How the rows of a matrix are held: as float, as f16, or as codes of eight bits with
// a scale for each row. What is stored is what is searched: queries stay float, and
// no result is more than the rounding of its sum away from the stored rows'.
#ifndef VECTORIZER_ELEM_CUH
#define VECTORIZER_ELEM_CUH

#include "port.cuh"

// Four components c*4 .. c*4+3 of a row; scale is the row's where it has one.
struct F32 {
  typedef float Stored;
  static __device__ __forceinline__ float4 four(const Stored* row, u32 c, float) {
    return __ldcs((const float4*)row + c);
  }
};

struct F16 {
  typedef unsigned short Stored;
  static __device__ __forceinline__ float4 four(const Stored* row, u32 c, float) {
    u64 v = stream8((const u64*)row + c);
    float4 x;
    x.x = from_f16((unsigned short)v);
    x.y = from_f16((unsigned short)(v >> 16));
    x.z = from_f16((unsigned short)(v >> 32));
    x.w = from_f16((unsigned short)(v >> 48));
    return x;
  }
};

struct I8 {
  typedef signed char Stored;
  static __device__ __forceinline__ float4 four(const Stored* row, u32 c, float scale) {
    u32 v = stream4((const u32*)row + c);
    float4 x;
    x.x = (float)(signed char)v * scale;
    x.y = (float)(signed char)(v >> 8) * scale;
    x.z = (float)(signed char)(v >> 16) * scale;
    x.w = (float)(signed char)(v >> 24) * scale;
    return x;
  }
};

// row_at is row i of rows of stride components; row_scale its scale.
template <class E>
__device__ __forceinline__ const typename E::Stored* row_at(u64 rows, u64 i, u32 stride) {
  return (const typename E::Stored*)rows + i * stride;
}
template <class E>
__device__ __forceinline__ float row_scale(u64 stats, u64 i) {
  return sizeof(typename E::Stored) == 1 ? ((const float4*)stats)[i].w : 1.0f;
}

#endif
