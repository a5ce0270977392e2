package payload

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/vectorizer-go/vectorizer/engine/filter"
)

// fiveFields is a payload of five fields, some of few and some of many values.
func fiveFields(r *rand.Rand, row int) []byte {
	lang := []string{"go", "c", "rust", "java", "zig"}[r.IntN(5)]
	return fmt.Appendf(nil, `{"title":"document number %d","lang":%q,"year":%d,"price":%.2f,"stock":%v}`,
		row, lang, 1980+r.IntN(45), r.Float64()*1000, r.IntN(2) == 0)
}

func BenchmarkSet(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	payloads := make([][]byte, 200000)
	for i := range payloads {
		payloads[i] = fiveFields(r, i)
	}
	b.Run("insert", func(b *testing.B) {
		b.ReportAllocs()
		x := New(nil)
		for i := 0; b.Loop(); i++ {
			if i == len(payloads) {
				b.StopTimer()
				x, i = New(nil), 0
				b.StartTimer()
			}
			x.Set(uint32(i), payloads[i])
		}
	})
	b.Run("update", func(b *testing.B) {
		b.ReportAllocs()
		x := New(nil)
		for i, p := range payloads {
			x.Set(uint32(i), p)
		}
		for b.Loop() {
			x.Set(uint32(r.IntN(len(payloads))), payloads[r.IntN(len(payloads))])
		}
	})
}

// million is an index of 1,000,000 rows with fields of known selectivity.
func million(b *testing.B) (*Index, *roaring.Bitmap) {
	const rows = 1000000
	r := rand.New(rand.NewPCG(2, 2))
	x, live := New(nil), roaring.New()
	live.AddRange(0, rows)
	for row := range uint32(rows) {
		p := r.Float64()
		x.Set(row, fmt.Appendf(nil, `{"half":%v,"tenth":"v%d","hundredth":%d,"thousandth":"t%d","score":%.6f}`,
			r.IntN(2) == 0, r.IntN(10), r.IntN(100), r.IntN(1000), p))
	}
	b.Logf("memory of the index: %.1f MiB, %.1f bytes a row", float64(x.MemoryBytes())/(1<<20),
		float64(x.MemoryBytes())/rows)
	return x, live
}

func BenchmarkSelectMillion(b *testing.B) {
	x, live := million(b)
	for _, c := range []struct{ name, text string }{
		{"bool/50", `{"half":true}`},
		{"keyword/10", `{"tenth":"v3"}`},
		{"integer/1", `{"hundredth":7}`},
		{"keyword/0.1", `{"thousandth":"t7"}`},
		{"range/50", `{"key":"score","range":{"gte":0.25,"lt":0.75}}`},
		{"range/10", `{"key":"score","range":{"gte":0.25,"lt":0.35}}`},
		{"range/1", `{"key":"score","range":{"gte":0.25,"lt":0.26}}`},
		{"range/0.1", `{"key":"score","range":{"gte":0.25,"lt":0.251}}`},
		{"intrange/50", `{"key":"hundredth","range":{"gte":50}}`},
		{"and/0.5", `{"must":[{"key":"tenth","match":{"value":"v3"}},
			{"key":"hundredth","range":{"lt":10}},{"key":"half","match":{"value":true}}]}`},
		{"not/90", `{"must_not":[{"key":"tenth","match":{"value":"v3"}}]}`},
		{"any/30", `{"key":"tenth","match":{"any":["v1","v2","v3"]}}`},
	} {
		f, err := filter.Parse([]byte(c.text))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				s := x.Select(f, live, rowOf)
				n = int(s.Bitmap.GetCardinality())
			}
			b.ReportMetric(float64(n), "rows")
			b.ReportMetric(float64(x.Estimate(f, 1000000)), "estimate")
		})
	}
}
