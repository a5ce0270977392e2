package main

import (
	"math/rand/v2"

	"github.com/vectorizer-go/vectorizer/cpu/simd"
)

// kernel is one gather kernel; prepare makes rows and returns a call over a
// group of ids.
type kernel struct {
	name    string
	prepare func(s shape) (call func(ids []uint32), free func())
}

var kernels = []kernel{
	{"dot", floats(simd.DotGatherF32)}, {"l2", floats(simd.L2GatherF32)},
	{"doti8", bytes(simd.DotGatherI8)}, {"l2i8", bytes(simd.L2GatherI8)},
}

func floats(f func(q, rows []float32, stride int, ids []uint32, out []float32)) func(shape) (func([]uint32), func()) {
	return func(s shape) (func([]uint32), func()) {
		r := rand.New(rand.NewPCG(3, 4))
		rows, q, out := allocRows[float32](s.dim*s.rows), make([]float32, s.dim), make([]float32, group)
		for i := range rows {
			rows[i] = r.Float32() - 0.5
		}
		copy(q, rows)
		return func(ids []uint32) { f(q, rows, s.dim, ids, out) }, func() { freeRows(rows) }
	}
}

func bytes(f func(q, rows []int8, stride int, ids []uint32, out []int32)) func(shape) (func([]uint32), func()) {
	return func(s shape) (func([]uint32), func()) {
		r := rand.New(rand.NewPCG(5, 6))
		rows, q, out := allocRows[int8](s.dim*s.rows), make([]int8, s.dim), make([]int32, group)
		for i := range rows {
			rows[i] = int8(r.Uint32())
		}
		copy(q, rows)
		return func(ids []uint32) { f(q, rows, s.dim, ids, out) }, func() { freeRows(rows) }
	}
}
