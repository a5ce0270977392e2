// Bounds of distances from bf16 on tensor cores, for batches of queries, fused
// with the choice of what may be a result.
//
// With w, p the bf16 copies of row v and query q,
//
//	|q.v - p.w|  <=  |q-p||v| + |p||v-w|  <=  A|v| + B|v-w|
//
// with B = |q| + |q-p| >= |p| and A = |q-p| + g*B, where g covers the rounding of
// the sum. |v|, |v-w| and the like were computed when the row was stored. So the
// kernel knows, without a guess, a lower and an upper bound of each distance. The
// sample's k-th least upper bound is a limit that at least k rows are within; the
// scan appends every row whose lower bound is within it; refine (refine.cu) computes
// exact distances of those that matter. Nothing that belongs into the result can be
// lost, so recall is that of the f32 scan: the price of bf16 is the number of rows
// to refine, not an answer that is slightly wrong.
//
// Rows that are held as f16 or as codes are read as they are: they have no error, so
// only the query's rounding widens the bounds. Codes are multiplied exactly.
//
// Blocks of 128 rows x 128 queries, 8 warps of 64 x 32, 32 components a step, in
// shared memory four steps ahead by asynchronous copies; 16-byte pieces are
// exchanged within a row so that ldmatrix meets no bank twice. A block keeps its
// queries and walks over row tiles without draining the pipeline between them.
//
// Roofline, N rows of d components, Q queries: bytes 2*N*d, operations 2*N*d*Q on
// tensor cores and about 5*N*Q in f32 for the bounds; N*d bytes for codes.
#include "key.cuh"

enum {
  kTile = 128,           // rows and queries of a block
  kStep = 32,            // words of 16 bits, of a pipeline step: a component, or two codes
  kSteps = 4,            // steps in flight
  kRowBytes = kStep * 2, // of a row in a step
  kStepBytes = 2 * kTile * kRowBytes,
  kHalfShared = kSteps * kStepBytes + 2 * kTile * 16 // with the rows' and queries' bounds
};

// piece is the place of 16-byte piece c (0..3) of row r in a step.
__device__ __forceinline__ u32 piece(u32 r, u32 c) { return r * kRowBytes + (c ^ (r >> 1 & 3)) * 16; }

// Products of what the words are.
struct Bf16Words {
  typedef float Sum;
  static __device__ __forceinline__ void mma(Sum (&c)[4], const u32 (&a)[4], u32 b0, u32 b1) { mma_bf16(c, a, b0, b1); }
};
struct F16Words {
  typedef float Sum;
  static __device__ __forceinline__ void mma(Sum (&c)[4], const u32 (&a)[4], u32 b0, u32 b1) { mma_f16(c, a, b0, b1); }
};
struct I8Words {
  typedef int Sum;
  static __device__ __forceinline__ void mma(Sum (&c)[4], const u32 (&a)[4], u32 b0, u32 b1) { mma_i8(c, a, b0, b1); }
};
// Only bf16 is a copy of rows that are held otherwise.
template <class W>
struct IsCopy {
  static const bool value = false;
};
template <>
struct IsCopy<Bf16Words> {
  static const bool value = true;
};

template <class W>
struct HalfTile {
  const HalfArgs& a;
  unsigned char* shared;
  u32 q0, lane, warpRow, warpQuery; // warp's first row and query in the tile
  u32 depth, tiles;                 // steps of a row, row tiles in all

  // fetch starts the copies of step it of this block.
  __device__ __forceinline__ void fetch(u32 it, u32 total) {
    if (it < total) {
      u32 tile = blockIdx.x + it / depth * gridDim.x, k = it % depth * kStep;
      unsigned char* to = shared + it % kSteps * kStepBytes;
      for (u32 t = threadIdx.x; t < 2 * kTile * 4; t += blockDim.x) {
        u32 r = t / 4 % kTile, c = t % 4;
        const unsigned short* from;
        if (t < kTile * 4) {
          u32 i = min(tile * kTile + r, a.items - 1);
          from = (const unsigned short*)a.rows + (u64)i * a.step * a.stride;
        } else {
          from = (const unsigned short*)a.queries + (u64)min(q0 + r, a.nq - 1) * a.stride;
        }
        copy16(to + (t < kTile * 4 ? 0 : kTile * kRowBytes) + piece(r, c), from + k + c * 8);
      }
    }
    copy_commit();
  }

  // multiply adds one step to the warp's 64 x 32 products.
  __device__ __forceinline__ void multiply(u32 it, typename W::Sum (&acc)[4][4][4]) {
    unsigned char* rows = shared + it % kSteps * kStepBytes;
    unsigned char* queries = rows + kTile * kRowBytes;
#pragma unroll
    for (u32 k = 0; k < kStep / 16; k++) {
      u32 av[4][4], bv[2][4];
#pragma unroll
      for (u32 m = 0; m < 4; m++) {
        u32 r = warpRow + m * 16 + (lane / 8 & 1) * 8 + lane % 8;
        ldmatrix4(av[m], rows + piece(r, k * 2 + lane / 16));
      }
#pragma unroll
      for (u32 n = 0; n < 2; n++) {
        u32 r = warpQuery + n * 16 + lane / 16 * 8 + lane % 8;
        ldmatrix4(bv[n], queries + piece(r, k * 2 + (lane / 8 & 1)));
      }
#pragma unroll
      for (u32 m = 0; m < 4; m++) {
#pragma unroll
        for (u32 n = 0; n < 4; n++) W::mma(acc[m][n], av[m], bv[n / 2][n % 2 * 2], bv[n / 2][n % 2 * 2 + 1]);
      }
    }
  }
};

// Bounds of one query: x = A, y = B or, where rows have no error, the copy's scale,
// z = its part of the distance, w = limit, or, of a sample, the bits of where its bitmap begins.
template <class W>
__device__ __forceinline__ float4 query_bounds(const HalfArgs& a, u32 q, bool sample) {
  float4 s = ((const float4*)a.qstats)[min(q, a.nq - 1)], b;
  float g = (float)(a.stride + 16) * 2.4e-7f; // (d + 16) * 2^-22: one rounding per product and sum
  b.y = (s.x + s.y) * 1.00001f;
  b.x = (s.y + g * b.y) * 1.00001f;
  if (!IsCopy<W>::value) b.y = s.w;
  b.z = a.metric == kCosine ? 1.0f : s.z;
  b.w = -INFINITY;
  if (sample) {
    b.w = __uint_as_float(a.masks != 0 ? ((const u32*)a.masks)[min(q, a.nq - 1)] * a.skipWords : 0);
  } else if (q < a.nq) {
    u32 limit = (u32)(((const u64*)a.limit)[q] >> 32);
    b.w = limit >= 0xff800000u ? INFINITY : unordered(limit);
  }
  return b;
}

// The parts that do not cancel are widened by kSlack for their own rounding.
#define kSlack 1e-6f

// sampled_for has a bit for each of the lane's eight queries that do not leave item i
// out. One after the other: registers are short.
template <class W>
__device__ __forceinline__ u32 sampled_for(const HalfTile<W>& t, const float4* queries, u32 i) {
  const HalfArgs& a = t.a;
  u32 row = a.first + i * a.step, in = 0;
  if (i >= a.items) return 0;
  if (a.masks == 0) return skipped((const u64*)a.skip, a.skipWords, row) ? 0 : 255;
#pragma unroll 1
  for (u32 n = 0; n < 8; n++) {
    u32 begin = __float_as_uint(queries[t.warpQuery + n / 2 * 8 + t.lane % 4 * 2 + n % 2].w);
    if (!skipped((const u64*)a.skip + begin, a.skipWords, row)) in |= 1u << n;
  }
  return in;
}

template <class W, bool sample>
__device__ __forceinline__ void bounds(const HalfTile<W>& t, u32 tile, const float4* rows, const float4* queries,
                                       const typename W::Sum (&acc)[4][4][4]) {
  const HalfArgs& a = t.a;
  float c = a.metric == kL2 ? 2.0f : 1.0f;
#pragma unroll
  for (u32 m = 0; m < 4; m++) {
#pragma unroll
    for (u32 h = 0; h < 2; h++) {
      u32 r = t.warpRow + m * 16 + h * 8 + t.lane / 4, i = tile * kTile + r;
      float4 row = rows[r];
      bool live = i < a.items;
      u32 in = sample ? sampled_for(t, queries, i) : 0;
#pragma unroll
      for (u32 n = 0; n < 4; n++) {
#pragma unroll
        for (u32 j = 0; j < 2; j++) {
          u32 at = t.warpQuery + n * 8 + t.lane % 4 * 2 + j, q = t.q0 + at;
          float4 query = queries[at];
          float dot = (float)acc[m][n][h * 2 + j], both = query.z + row.z, off = query.y;
          if (!IsCopy<W>::value) {
            dot *= query.y * row.w;
            off = 0;
          }
          if (sample) {
            float up = fmaf(-c, fmaf(-query.x, row.x, fmaf(-off, row.y, dot)), both * (1 + kSlack));
            if (!IsCopy<W>::value && up != up) up = INFINITY; // f16 has infinities of its own
            u32 least = ordered(in >> (n * 2 + j) & 1 ? up : INFINITY);
            least = min(least, __shfl_xor_sync(FULL, least, 4));
            least = min(least, __shfl_xor_sync(FULL, least, 8));
            least = min(least, __shfl_xor_sync(FULL, least, 16));
            u32 group = tile * (kTile / kHalfGroup) + (t.warpRow + m * 16 + h * 8) / kHalfGroup;
            if (t.lane < 4 && q < a.nq) ((u32*)a.least)[(u64)q * a.groups + group] = least;
          } else {
            float low = fmaf(-c, fmaf(query.x, row.x, fmaf(off, row.y, dot)), both * (1 - kSlack));
            if (!IsCopy<W>::value && low != low) low = -INFINITY;
            if (low <= query.w && live && q < a.nq && !skipped(skip_of(a, q), a.skipWords, a.first + i)) {
              append((u64*)a.list, (u32*)a.count, a.cap, q, make_key(low, a.first + i));
            }
          }
        }
      }
    }
  }
}

template <class W, bool sample>
__device__ __forceinline__ void scan_half(const HalfArgs& a) {
  SHARED_BYTES(memory);
  float4* rowBounds = (float4*)(memory + kSteps * kStepBytes);
  float4* queryBounds = rowBounds + kTile;
  u32 warp = threadIdx.x >> 5;
  HalfTile<W> t = {a, memory, blockIdx.y * kTile, threadIdx.x & 31, warp / 4 * 64, warp % 4 * 32,
                a.stride / kStep, (a.items + kTile - 1) / kTile};
  if (threadIdx.x < kTile) queryBounds[threadIdx.x] = query_bounds<W>(a, t.q0 + threadIdx.x, sample);
  u32 mine = t.tiles > blockIdx.x ? (t.tiles - blockIdx.x + gridDim.x - 1) / gridDim.x : 0;
  u32 total = mine * t.depth;
  for (u32 it = 0; it < kSteps - 1; it++) t.fetch(it, total);
  typename W::Sum acc[4][4][4];
  for (u32 it = 0; it < total; it++) {
    u32 tile = blockIdx.x + it / t.depth * gridDim.x;
    if (it % t.depth == 0) {
#pragma unroll
      for (int i = 0; i < 64; i++) acc[i / 16][i / 4 % 4][i % 4] = 0;
    }
    copy_wait<kSteps - 2>();
    __syncthreads(); // the step is there for all, and the one before it is used up
    if (it % t.depth == 0 && threadIdx.x < kTile) {
      u32 i = min(tile * kTile + threadIdx.x, a.items - 1);
      rowBounds[threadIdx.x] = ((const float4*)a.stats)[(u64)i * a.step];
    }
    t.fetch(it + kSteps - 1, total);
    t.multiply(it, acc);
    if (it % t.depth == t.depth - 1) {
      __syncthreads(); // the rows' bounds are there, also when a row is one step
      bounds<W, sample>(t, tile, rowBounds, queryBounds, acc);
    }
  }
  copy_wait<0>();
}

#define HALF_KERNELS(elem, W)                                                                                       \
  extern "C" __global__ void __launch_bounds__(256, 2) scan_##elem(const HalfArgs a) { scan_half<W, false>(a); }    \
  extern "C" __global__ void __launch_bounds__(256, 2) sample_##elem(const HalfArgs a) { scan_half<W, true>(a); }
HALF_KERNELS(bf16, Bf16Words)
HALF_KERNELS(f16, F16Words)
HALF_KERNELS(i8, I8Words)
