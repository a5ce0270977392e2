package simd

//go:norace
func dotF16Generic(q []float32, row []uint16) float32 {
	row = row[:len(q)]
	var s0, s1 float32
	i := 0
	for ; i+2 <= len(q); i += 2 {
		s0 += q[i] * f16ToF32(row[i])
		s1 += q[i+1] * f16ToF32(row[i+1])
	}
	if i < len(q) {
		s0 += q[i] * f16ToF32(row[i])
	}
	return s0 + s1
}

//go:norace
func l2F16Generic(q []float32, row []uint16) float32 {
	row = row[:len(q)]
	var s0, s1 float32
	i := 0
	for ; i+2 <= len(q); i += 2 {
		d0, d1 := q[i]-f16ToF32(row[i]), q[i+1]-f16ToF32(row[i+1])
		s0 += d0 * d0
		s1 += d1 * d1
	}
	if i < len(q) {
		d := q[i] - f16ToF32(row[i])
		s0 += d * d
	}
	return s0 + s1
}

//go:norace
func dotRowsF16Generic(q []float32, rows []uint16, stride int, out []float32) {
	for i := range out {
		out[i] = dotF16Generic(q, rows[i*stride:i*stride+len(q)])
	}
}

//go:norace
func l2RowsF16Generic(q []float32, rows []uint16, stride int, out []float32) {
	for i := range out {
		out[i] = l2F16Generic(q, rows[i*stride:i*stride+len(q)])
	}
}

//go:norace
func dotGatherF16Generic(q []float32, rows []uint16, stride int, ids []uint32, out []float32) {
	for i := range out {
		at := int(ids[i]) * stride
		out[i] = dotF16Generic(q, rows[at:at+len(q)])
	}
}

//go:norace
func l2GatherF16Generic(q []float32, rows []uint16, stride int, ids []uint32, out []float32) {
	for i := range out {
		at := int(ids[i]) * stride
		out[i] = l2F16Generic(q, rows[at:at+len(q)])
	}
}

//go:norace
func widenF16Generic(dst []float32, src []uint16) {
	for i, h := range src {
		dst[i] = f16ToF32(h)
	}
}

//go:norace
func narrowF16Generic(dst []uint16, src []float32) {
	for i, f := range src {
		dst[i] = f32ToF16(f)
	}
}
