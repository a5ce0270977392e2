// What nvcc brings by itself, for clang without the toolkit's headers: the words
// and the few functions that the kernels use.
#ifndef VECTORIZER_CLANG_H
#define VECTORIZER_CLANG_H

#define __global__ __attribute__((global))
#define __device__ __attribute__((device))
#define __shared__ __attribute__((shared))
#define __forceinline__ inline __attribute__((always_inline))
#define __align__(n) __attribute__((aligned(n)))
#define LAUNCH_BOUNDS_1(threads) __attribute__((launch_bounds(threads)))
#define LAUNCH_BOUNDS_2(threads, blocks) __attribute__((launch_bounds(threads, blocks)))
#define LAUNCH_BOUNDS(_1, _2, name, ...) name
#define __launch_bounds__(...) LAUNCH_BOUNDS(__VA_ARGS__, LAUNCH_BOUNDS_2, LAUNCH_BOUNDS_1)(__VA_ARGS__)
#define INFINITY __builtin_inff()

typedef decltype(sizeof(0)) size_t;
struct __align__(16) float4 {
  float x, y, z, w;
};
struct Index {
  unsigned x, y, z;
};
#define INDEX(r) (Index{(unsigned)r##_x(), (unsigned)r##_y(), (unsigned)r##_z()})
#define threadIdx INDEX(__nvvm_read_ptx_sreg_tid)
#define blockIdx INDEX(__nvvm_read_ptx_sreg_ctaid)
#define blockDim INDEX(__nvvm_read_ptx_sreg_ntid)
#define gridDim INDEX(__nvvm_read_ptx_sreg_nctaid)

#define DEVICE __device__ __forceinline__

// __syncthreads is clang's own.
DEVICE unsigned __float_as_uint(float f) { return __builtin_bit_cast(unsigned, f); }
DEVICE float __uint_as_float(unsigned u) { return __builtin_bit_cast(float, u); }
DEVICE float fmaf(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
DEVICE double rint(double x) { return __builtin_rint(x); }
DEVICE double sqrt(double x) { return __nvvm_sqrt_rn_d(x); }
DEVICE unsigned min(unsigned a, unsigned b) { return a < b ? a : b; }
DEVICE unsigned max(unsigned a, unsigned b) { return a > b ? a : b; }
DEVICE unsigned long long min(unsigned long long a, unsigned long long b) { return a < b ? a : b; }

DEVICE unsigned __ballot_sync(unsigned mask, bool on) { return __nvvm_vote_ballot_sync(mask, on); }
DEVICE int __shfl_xor_sync(unsigned mask, int v, int lane) {
  return __nvvm_shfl_sync_bfly_i32(mask, v, lane, 31);
}
DEVICE unsigned __shfl_xor_sync(unsigned mask, unsigned v, int lane) {
  return (unsigned)__shfl_xor_sync(mask, (int)v, lane);
}
DEVICE float __shfl_xor_sync(unsigned mask, float v, int lane) {
  return __nvvm_shfl_sync_bfly_f32(mask, v, lane, 31);
}
DEVICE double __shfl_xor_sync(unsigned mask, double v, int lane) {
  auto u = __builtin_bit_cast(unsigned long long, v);
  unsigned low = __shfl_xor_sync(mask, (unsigned)u, lane), high = __shfl_xor_sync(mask, (unsigned)(u >> 32), lane);
  return __builtin_bit_cast(double, (unsigned long long)high << 32 | low);
}

DEVICE unsigned atomicAdd(unsigned* p, unsigned v) { return __nvvm_atom_add_gen_i((int*)p, (int)v); }
DEVICE unsigned atomicMax(unsigned* p, unsigned v) { return __nvvm_atom_max_gen_ui(p, v); }

typedef float Vec4 __attribute__((ext_vector_type(4)));
DEVICE float4 __ldg(const float4* p) {
  Vec4 v = __nvvm_ldg_f4((const Vec4*)p);
  return {v.x, v.y, v.z, v.w};
}
DEVICE float4 __ldcs(const float4* p) {
  float4 v;
  asm("ld.global.cs.v4.f32 {%0,%1,%2,%3}, [%4];" : "=f"(v.x), "=f"(v.y), "=f"(v.z), "=f"(v.w) : "l"(p) : "memory");
  return v;
}
DEVICE size_t __cvta_generic_to_shared(const void* p) {
  return (size_t)(const __attribute__((address_space(3))) void*)p;
}
#endif
