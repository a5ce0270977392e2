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
	Rows, Queries, Skip, List, Count, Limit, Least uint64
	First, Items, Step, Stride, Nq, Cap            uint32
	Groups, Metric, SkipWords, Pad                 uint32
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

// Args are the argument blocks.
type Args interface {
	StoreArgs | ScanArgs | LimitArgs | SelectArgs
}

// Bytes is an argument block as a launch takes it. It aliases a.
func Bytes[T Args](a *T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(a)), unsafe.Sizeof(*a))
}
