// Command gen cuts the small data set of bench/testdata out of the whole one:
//
//	go run ./bench/dataset/gen -from ../shared/data/code-lsa-256 \
//	    -to bench/testdata/code-lsa-256
//
// It takes every step-th base row and query, so that all source projects are
// represented, and computes the truth over the cut.
package main

import (
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/gzip"

	"github.com/vectorizer-go/vectorizer/bench/dataset"
)

func main() {
	from := flag.String("from", "../shared/data/code-lsa-256", "folder of the whole set")
	to := flag.String("to", "bench/testdata/code-lsa-256", "folder to write")
	rows := flag.Int("rows", 8000, "base rows to keep")
	queries := flag.Int("queries", 200, "queries to keep")
	k := flag.Int("k", 100, "neighbours in the truth")
	flag.Parse()
	if err := cut(*from, *to, *rows, *queries, *k); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func cut(from, to string, rows, queries, k int) error {
	set, err := dataset.Open(from)
	if err != nil {
		return err
	}
	small := dataset.Cut(set, rows, queries, k)
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	err = writeRows(filepath.Join(to, "base.fvecs.gz"), floatBits(small.Base), small.Dim)
	if err != nil {
		return err
	}
	err = writeRows(filepath.Join(to, "queries.fvecs.gz"), floatBits(small.Queries), small.Dim)
	if err != nil {
		return err
	}
	truth := make([]uint32, len(small.Truth))
	for i, row := range small.Truth {
		truth[i] = uint32(row)
	}
	if err := writeRows(filepath.Join(to, "truth.ivecs.gz"), truth, k); err != nil {
		return err
	}
	about := fmt.Sprintf("{\"name\": %q, \"metric\": %q}\n",
		small.Name, dataset.MetricName(small.Metric))
	return os.WriteFile(filepath.Join(to, "set.json"), []byte(about), 0o644)
}

func floatBits(v []float32) []uint32 {
	out := make([]uint32, len(v))
	for i, x := range v {
		out[i] = math.Float32bits(x)
	}
	return out
}

// writeRows writes a TEXMEX file of 4-byte components. The gzip header carries no
// time and no name: the same input gives the same bytes.
func writeRows(path string, words []uint32, dim int) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}()
	z, err := gzip.NewWriterLevel(f, gzip.BestCompression)
	if err != nil {
		return err
	}
	buf := make([]byte, 0, 4+4*dim)
	for i := 0; i < len(words); i += dim {
		buf = binary.LittleEndian.AppendUint32(buf[:0], uint32(dim))
		for _, w := range words[i : i+dim] {
			buf = binary.LittleEndian.AppendUint32(buf, w)
		}
		if _, err := io.Writer(z).Write(buf); err != nil {
			return err
		}
	}
	return z.Close()
}
