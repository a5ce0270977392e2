// Tensor-core operations in scalar code.
#include "../cuda/args.h"
#include "emu.h"

static float wide(u32 half) { return __uint_as_float(half << 16); }

void ldmatrix4(u32 (&r)[4], const void* p) {
  if ((uintptr_t)p % 16 != 0) emu::fail("ldmatrix: a row that is not on a multiple of 16 bytes");
  emu::deposit(&p, sizeof p);
  emu::warp_barrier(FULL);
  unsigned lane = emu::self().lane;
  for (unsigned m = 0; m < 4; m++) {
    auto row = emu::collect<const unsigned char*>(8 * m + lane / 4);
    memcpy(&r[m], row + 4 * (lane % 4), 4);
  }
}

// multiply adds the products of the fragments' 32-bit words to c: lane l has words l%4
// and l%4+4 of rows l/4 and l/4+8 of a, and of column l/4 of b.
template <class Sum, class Words>
static void multiply(Sum (&c)[4], const u32 (&a)[4], u32 b0, u32 b1, Words words) {
  unsigned lane = emu::self().lane;
  struct Pair {
    u32 x, y;
  };
  Pair top = {a[0], a[2]}, bottom = {a[1], a[3]}, col = {b0, b1};
  emu::deposit(&top, sizeof top);
  emu::warp_barrier(FULL);
  Pair mine[2][4];
  for (unsigned t = 0; t < 4; t++) mine[0][t] = emu::collect<Pair>(lane / 4 * 4 + t);
  emu::deposit(&bottom, sizeof bottom);
  emu::warp_barrier(FULL);
  for (unsigned t = 0; t < 4; t++) mine[1][t] = emu::collect<Pair>(lane / 4 * 4 + t);
  emu::deposit(&col, sizeof col);
  emu::warp_barrier(FULL);
  for (unsigned j = 0; j < 2; j++) {
    unsigned n = lane % 4 * 2 + j;
    for (unsigned t = 0; t < 4; t++) {
      Pair b = emu::collect<Pair>(n * 4 + t);
      for (unsigned h = 0; h < 2; h++) c[h * 2 + j] += words(mine[h][t].x, b.x) + words(mine[h][t].y, b.y);
    }
  }
}

// Products of bf16 and of f16 are exact in f32; the sum is kept in f32 like the
// hardware's, whose own order and rounding differ within the bound of scan_bf16.cu.
void mma_bf16(float (&c)[4], const u32 (&a)[4], u32 b0, u32 b1) {
  multiply(c, a, b0, b1, [](u32 x, u32 y) {
    return wide(x & 0xffff) * wide(y & 0xffff) + wide(x >> 16) * wide(y >> 16);
  });
}

void mma_f16(float (&c)[4], const u32 (&a)[4], u32 b0, u32 b1) {
  multiply(c, a, b0, b1, [](u32 x, u32 y) {
    return from_f16((unsigned short)x) * from_f16((unsigned short)y) +
           from_f16((unsigned short)(x >> 16)) * from_f16((unsigned short)(y >> 16));
  });
}

void mma_i8(int (&c)[4], const u32 (&a)[4], u32 b0, u32 b1) {
  multiply(c, a, b0, b1, [](u32 x, u32 y) {
    int s = 0;
    for (int i = 0; i < 32; i += 8) s += (signed char)(x >> i) * (signed char)(y >> i);
    return s;
  });
}
