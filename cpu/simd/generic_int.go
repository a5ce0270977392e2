package simd

import "math/bits"

//go:norace
func dotI8Generic(a, b []int8) int32 {
	b = b[:len(a)]
	var s0, s1 int32
	i := 0
	for ; i+2 <= len(a); i += 2 {
		s0 += int32(a[i]) * int32(b[i])
		s1 += int32(a[i+1]) * int32(b[i+1])
	}
	if i < len(a) {
		s0 += int32(a[i]) * int32(b[i])
	}
	return s0 + s1
}

//go:norace
func l2I8Generic(a, b []int8) int32 {
	b = b[:len(a)]
	var s0, s1 int32
	i := 0
	for ; i+2 <= len(a); i += 2 {
		d0, d1 := int32(a[i])-int32(b[i]), int32(a[i+1])-int32(b[i+1])
		s0 += d0 * d0
		s1 += d1 * d1
	}
	if i < len(a) {
		d := int32(a[i]) - int32(b[i])
		s0 += d * d
	}
	return s0 + s1
}

//go:norace
func dotU8I8Generic(q []int8, row []uint8) int32 {
	row = row[:len(q)]
	var s int32
	for i, x := range q {
		s += int32(x) * int32(row[i])
	}
	return s
}

//go:norace
func dotRowsI8Generic(q, rows []int8, stride int, out []int32) {
	for i := range out {
		out[i] = dotI8Generic(q, rows[i*stride:i*stride+len(q)])
	}
}

//go:norace
func l2RowsI8Generic(q, rows []int8, stride int, out []int32) {
	for i := range out {
		out[i] = l2I8Generic(q, rows[i*stride:i*stride+len(q)])
	}
}

//go:norace
func dotRowsU8I8Generic(q []int8, rows []uint8, stride int, out []int32) {
	for i := range out {
		out[i] = dotU8I8Generic(q, rows[i*stride:i*stride+len(q)])
	}
}

//go:norace
func dotGatherI8Generic(q, rows []int8, stride int, ids []uint32, out []int32) {
	for i := range out {
		at := int(ids[i]) * stride
		out[i] = dotI8Generic(q, rows[at:at+len(q)])
	}
}

//go:norace
func l2GatherI8Generic(q, rows []int8, stride int, ids []uint32, out []int32) {
	for i := range out {
		at := int(ids[i]) * stride
		out[i] = l2I8Generic(q, rows[at:at+len(q)])
	}
}

//go:norace
func dotGatherU8I8Generic(q []int8, rows []uint8, stride int, ids []uint32, out []int32) {
	for i := range out {
		at := int(ids[i]) * stride
		out[i] = dotU8I8Generic(q, rows[at:at+len(q)])
	}
}

//go:norace
func hammingGeneric(a, b []uint64) int32 {
	b = b[:len(a)]
	sum := 0
	for i, x := range a {
		sum += bits.OnesCount64(x ^ b[i])
	}
	return int32(sum)
}

//go:norace
func hammingRowsGeneric(q, rows []uint64, stride int, out []int32) {
	for i := range out {
		out[i] = hammingGeneric(q, rows[i*stride:i*stride+len(q)])
	}
}

//go:norace
func hammingGatherGeneric(q, rows []uint64, stride int, ids []uint32, out []int32) {
	for i := range out {
		at := int(ids[i]) * stride
		out[i] = hammingGeneric(q, rows[at:at+len(q)])
	}
}
