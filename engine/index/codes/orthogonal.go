package codes

import "github.com/vectorizer-go/vectorizer/cpu/simd"

// orthoBlock is how many rows are made orthogonal to all before them at once.
const orthoBlock = 32

// orthonormalise makes the rows of dim components, at most dim of them, orthogonal
// to those before them and of unit length: Gram-Schmidt by blocks, so that most of
// it is products of matrices. A row that depends on those before it becomes
// another one.
func orthonormalise(rows []float32, dim int) {
	n := len(rows) / dim
	columns := make([]float32, dim*n) // the finished rows, transposed
	coefs := make([]float32, orthoBlock*n)
	parts := make([]float32, orthoBlock*dim)
	for first := 0; first < n; first += orthoBlock {
		block := rows[first*dim : min(first+orthoBlock, n)*dim]
		for range 2 { // once more for what rounding left
			takeOff(block, rows[:first*dim], columns, coefs, parts, dim, n)
		}
		for i := range len(block) / dim {
			orthonormaliseOne(rows, first, first+i, dim)
		}
		for i := range len(block) / dim {
			for d, x := range block[i*dim : (i+1)*dim] {
				columns[d*n+first+i] = x
			}
		}
	}
}

// takeOff takes the parts along the finished rows off a block.
func takeOff(block, done, columns, coefs, parts []float32, dim, n int) {
	have, count := len(done)/dim, len(block)/dim
	if have == 0 {
		return
	}
	eachBlock(have, func(lo, hi int) {
		simd.DotTileF32(block, dim, done[lo*dim:], dim, hi-lo, coefs[lo:], have)
	})
	coefs = coefs[:count*have]
	eachBlock(dim, func(lo, hi int) {
		simd.DotTileF32(coefs, have, columns[lo*n:], n, hi-lo, parts[lo:], dim)
	})
	subtract(block, parts[:len(block)], 1)
}

// orthonormaliseOne does row i, which is orthogonal to all rows before first.
func orthonormaliseOne(rows []float32, first, i, dim int) {
	v := rows[i*dim : (i+1)*dim]
	for try := 0; ; try++ {
		before := simd.DotF32(v, v)
		for range 2 {
			for j := first; j < i; j++ {
				w := rows[j*dim : (j+1)*dim]
				subtract(v, w, simd.DotF32(v, w))
			}
		}
		left := simd.DotF32(v, v)
		if left > 1e-10*before && left > 0 {
			simd.NormalizeF32(v, v)
			return
		}
		clear(v)
		v[(i+try)%dim] = 1
		first = 0 // the new one is orthogonal to nothing yet
	}
}

// subtract takes factor times w off v.
func subtract(v, w []float32, factor float32) {
	w = w[:len(v)]
	for i := range v {
		v[i] -= factor * w[i]
	}
}
