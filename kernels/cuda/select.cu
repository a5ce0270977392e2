// The results of a scan: one block a query.
#include "key.cuh"

// select_keys sorts what the scan appended, together with the best of earlier
// tiles, and writes the k least. When more was appended than the list holds, the
// k-th least of what is there is a tighter limit that still k rows are within,
// and the caller scans again; queries that are done get limit 0, which no key is
// within, and are left alone the next time.
extern "C" __global__ void __launch_bounds__(256) select_keys(const SelectArgs a) {
  SHARED_BYTES(memory);
  u64* keys = (u64*)memory;
  u32 q = blockIdx.x;
  if (((const u64*)a.limit)[q] == 0) return; // done; written below after all have read it
  u64* best = (u64*)a.best + (u64)q * a.k;
  u32 appended = ((const u32*)a.count)[q];
  u32 seeds = a.seeded ? a.k : 0, listed = min(appended, a.cap);
  u32 n = power_of_two(max(seeds + listed, a.k));
  for (u32 i = threadIdx.x; i < n; i += blockDim.x) {
    u64 key = NO_KEY;
    if (i < seeds) {
      key = best[i];
    } else if (i < seeds + listed) {
      key = ((const u64*)a.list)[(u64)q * a.cap + i - seeds];
    }
    keys[i] = key;
  }
  sort_keys(keys, n);
  bool overflow = appended > a.cap;
  if (threadIdx.x == 0) {
    ((u32*)a.flags)[q] = overflow;
    ((u32*)a.count)[q] = 0;
    ((u64*)a.limit)[q] = overflow ? keys[a.k - 1] : 0;
  }
  if (overflow) return;
  for (u32 i = threadIdx.x; i < a.k; i += blockDim.x) {
    u64 key = keys[i];
    best[i] = key;
    ((u32*)a.ids)[(u64)q * a.k + i] = (u32)key;
    ((float*)a.dist)[(u64)q * a.k + i] = key == NO_KEY ? INFINITY : unordered((u32)(key >> 32));
  }
}
