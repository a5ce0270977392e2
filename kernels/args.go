package kernels

import "unsafe"

// Rows that are reduced to the least of their distances in a sample: kGroup and
// kHalfGroup of args.h.
const (
	Group     = 4
	HalfGroup = 8
)

// StoreArgs is StoreArgs of args.h, which documents the fields; likewise below.
type StoreArgs struct {
	Src, Rows, Half, Stats         uint64
	Count, Dim, Stride, HalfStride uint32
	Metric, Normalise              uint32
}

// ScanArgs is the argument block of the scans and samples in f32.
type ScanArgs struct {
	Rows, Queries, Stats, Skip, Masks, List, Count, Limit, Least uint64
	First, Items, Step, Stride, Nq, Cap                          uint32
	Groups, Metric, SkipWords, Pad                               uint32
}

// LimitArgs is the argument block of pick_limit.
type LimitArgs struct {
	Least, Best, Limit, Count uint64
	Groups, K                 uint32
}

// SelectArgs is the argument block of select_keys.
type SelectArgs struct {
	List, Count, Limit, Best, Ids, Dist, Flags uint64
	Cap, K, Seeded, Room                       uint32
}

// HalfArgs is the argument block of the scan and the sample in bf16.
type HalfArgs struct {
	Rows, Stats, Queries, Qstats, Skip, Masks, List, Count, Limit, Least uint64
	First, Items, Step, Stride, Nq, Cap                                  uint32
	Groups, Metric, SkipWords, Pad                                       uint32
}

// HalfShared is the shared memory, in bytes, of a block of the bf16 kernels, and
// HalfTile its rows and queries: kHalfShared and kTile of scan_bf16.cu.
const (
	HalfShared = 4*2*128*64 + 2*128*16
	HalfTile   = 128
)

// RefineArgs is the argument block of refine.
type RefineArgs struct {
	Rows, Queries, Stats, List, Count, Ids, Dist, Flags, Work uint64
	Cap, K, Stride, Metric, Room, Pad                         uint32
}

// Args are the argument blocks.
type Args interface {
	StoreArgs | ScanArgs | LimitArgs | SelectArgs | HalfArgs | RefineArgs
}

// Bytes is an argument block as a launch takes it. It aliases a.
func Bytes[T Args](a *T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(a)), unsafe.Sizeof(*a))
}
