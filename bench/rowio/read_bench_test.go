package rowio

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
)

// benchRead reads rows of 256 components again and again.
func benchRead(b *testing.B, name string, line func(vec []float32) string) {
	rng := rand.New(rand.NewPCG(1, 1))
	var data bytes.Buffer
	const rows = 500
	for range rows {
		vec := make([]float32, 256)
		for i := range vec {
			vec[i] = float32(rng.NormFloat64())
		}
		data.WriteString(line(vec))
	}
	head := ""
	if name == "a.csv" {
		head = "vector\n"
	}
	text := append([]byte(head), data.Bytes()...)
	b.SetBytes(int64(len(text) / rows))
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; {
		r, err := NewReader(name, bytes.NewReader(text), Options{})
		if err != nil {
			b.Fatal(err)
		}
		var row Row
		for ; n < b.N; n++ {
			if err := r.Next(&row); err == io.EOF {
				break
			} else if err != nil {
				b.Fatal(err)
			}
		}
	}
}

func numbers(vec []float32) string {
	out := []byte{'['}
	for i, v := range vec {
		if i > 0 {
			out = append(out, ',')
		}
		out = fmt.Appendf(out, "%v", v)
	}
	return string(append(out, ']'))
}

func BenchmarkJSONL(b *testing.B) {
	benchRead(b, "a.jsonl", func(vec []float32) string {
		return `{"id":"x","vector":` + numbers(vec) + `,"payload":{"a":1,"b":"text"}}` + "\n"
	})
}

func BenchmarkCSV(b *testing.B) {
	benchRead(b, "a.csv", func(vec []float32) string { return `"` + numbers(vec) + "\"\n" })
}

func BenchmarkFVecs(b *testing.B) {
	benchRead(b, "a.fvecs", func(vec []float32) string {
		return "\x00\x01\x00\x00" + string(appendFloats(nil, vec))
	})
}
