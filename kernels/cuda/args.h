// Argument blocks of the kernels, one fixed-width struct each. kernels/args.go
// mirrors them field by field; a test compares sizes and offsets.
#ifndef VECTORIZER_ARGS_H
#define VECTORIZER_ARGS_H

typedef unsigned int u32;
typedef unsigned long long u64;

// Metrics, as engine/compute numbers them. Smaller is better.
enum { kL2 = 1, kDot = 2, kCosine = 3 };

// kGroup rows are reduced to the least of their distances when sampling in f32,
// kHalfGroup in bf16.
enum { kGroup = 4, kHalfGroup = 8 };

// Store of rows or queries: one warp a row. The half is bf16, f16 or codes of eight
// bits, by kernel.
struct StoreArgs {
  u64 src;   // const float [count][dim], packed
  u64 rows;  // float [count][stride], zero beyond dim; 0 = the half is the row
  u64 half;  // [count][halfStride] words, zero beyond dim; 0 = none
  u64 stats; // float4 [count], see rows.cu; 0 = none
  u32 count;
  u32 dim;
  u32 stride;     // floats, a multiple of 4
  u32 halfStride; // words of 16 bits, a multiple of 32
  u32 metric;
  u32 normalise; // rows under cosine
};

// A scan of rows by exact distance, or a sample of them.
struct ScanArgs {
  u64 rows;    // const float, f16 or codes [][stride]
  u64 queries; // const float [nq][stride]
  u64 stats;   // const float4 []: of codes, whose scale it has; else unused
  u64 skip;    // const u64 bitmaps over row numbers, bit set = leave out; 0 = none
  u64 masks;   // const u32 [nq]: which of the bitmaps is a query's; 0 = the first is all queries',
               // and always that of the kernels for one query
  u64 list;    // u64 keys [nq][cap]: rows within the limit
  u64 count;   // u32 [nq]: keys appended, also those beyond cap
  u64 limit;   // const u64 [nq]: largest key to append
  u64 least;   // u32 [nq][groups]: ordered least distance of each group (sample)
  u32 first;   // number of the row at rows[0]
  u32 items;   // rows looked at: rows[0], rows[step], ...
  u32 step;
  u32 stride; // components
  u32 nq;
  u32 cap;
  u32 groups;
  u32 metric;
  u32 skipWords; // of a bitmap; rows beyond are not left out
  u32 pad;
};

// The k-th least value of each query's sample becomes its limit.
struct LimitArgs {
  u64 least; // const u32 [nq][groups]
  u64 best;  // const u64 [nq][k]: keys found in earlier tiles; 0 = none
  u64 limit; // u64 [nq]
  u64 count; // u32 [nq], set to 0
  u32 groups;
  u32 k;
};

// The k least keys of each query's list.
struct SelectArgs {
  u64 list;  // const u64 [nq][cap]
  u64 count; // u32 [nq], set to 0
  u64 limit; // u64 [nq]
  u64 best;  // u64 [nq][k]: in and out
  u64 ids;   // u32 [nq][k]
  u64 dist;  // float [nq][k]
  u64 flags; // u32 [nq]: 1 = the list overflowed, search again
  u32 cap;
  u32 k;
  u32 seeded; // best holds keys
  u32 room;   // keys of shared memory, a power of two >= cap + k if seeded
};

// A scan on tensor cores: bounds of distances, from bf16, f16 or codes.
struct HalfArgs {
  u64 rows;    // const [][stride]
  u64 stats;   // const float4 []
  u64 queries; // const [nq][stride]
  u64 qstats;  // const float4 [nq]
  u64 skip;
  u64 masks;
  u64 list;
  u64 count;
  u64 limit;
  u64 least;
  u32 first;
  u32 items;
  u32 step;
  u32 stride; // words of 16 bits, a multiple of 32
  u32 nq;
  u32 cap;
  u32 groups; // least's row length, items rounded up to 128 over kHalfGroup
  u32 metric;
  u32 skipWords;
  u32 pad;
};

// Exact distances of the rows that bf16 bounds leave, and the k least of them.
struct RefineArgs {
  u64 rows;    // const float, f16 or codes [][stride]
  u64 queries; // const float [nq][stride]
  u64 stats;   // const float4 [], as of ScanArgs
  u64 list;    // const u64 [nq][cap]: key of (lower bound, row)
  u64 count;   // u32 [nq], set to 0
  u64 ids;
  u64 dist;
  u64 flags; // u32 [nq]: 1 = the list overflowed, search in f32
  u64 work;  // u32 [nq]: rows whose exact distance was computed
  u32 cap;
  u32 k;
  u32 stride;
  u32 metric;
  u32 room;
  u32 pad;
};

#endif
