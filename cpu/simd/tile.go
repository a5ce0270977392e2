package simd

import "fmt"

// DotTileF32 sets out[i*outStride+j] to the inner product of query i and row j:
// query i is queries[i*dim : (i+1)*dim], row j starts at rows[j*stride], and
// there are len(queries)/dim queries and count rows. It is the block product of
// exact search: a row that is in a register meets four queries. Choose count so
// that the rows stay in the first-level cache.
func DotTileF32(queries []float32, dim int, rows []float32, stride, count int, out []float32, outStride int) {
	nq := checkTile(queries, dim, rows, stride, count, out, outStride)
	done := 0
	if count >= tileMinRows {
		done = dotTileF32(queries, dim, nq, rows, stride, count, out, outStride)
	}
	for ; done < nq; done++ {
		dotRowsF32(queries[done*dim:(done+1)*dim], rows, stride, out[done*outStride:done*outStride+count])
	}
}

// L2TileF32 is DotTileF32 with squared distances, summed directly.
func L2TileF32(queries []float32, dim int, rows []float32, stride, count int, out []float32, outStride int) {
	nq := checkTile(queries, dim, rows, stride, count, out, outStride)
	done := 0
	if count >= tileMinRows {
		done = l2TileF32(queries, dim, nq, rows, stride, count, out, outStride)
	}
	for ; done < nq; done++ {
		l2RowsF32(queries[done*dim:(done+1)*dim], rows, stride, out[done*outStride:done*outStride+count])
	}
}

const (
	// tileQueries is how many queries a register tile takes.
	tileQueries = 4
	// tileMinRows is the most rows that a register tile takes: with fewer there
	// is nothing to block.
	tileMinRows = 4
)

func checkTile(queries []float32, dim int, rows []float32, stride, count int, out []float32, outStride int) int {
	if dim < 1 || len(queries)%dim != 0 || count < 0 || outStride < count {
		panic(fmt.Sprintf("BUG: simd: tile of %d floats by %d, %d rows, out stride %d",
			len(queries), dim, count, outStride))
	}
	nq := len(queries) / dim
	checkRows(dim, len(rows), stride, count)
	if nq > 0 && count > 0 {
		checkRows(count, len(out), outStride, nq)
	}
	return nq
}
