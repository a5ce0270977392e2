// Command simdbench prints the time of one row distance in the gather kernels
// beside equivalent C loops, in one run, alternating, best of several rounds.
//
//	go run ./cpu/simd/simdbench [-rounds 5] [-seconds 0.3] [-cc gcc]
//
// The C loops are in testdata/gather.c. Both sides read the same number of rows
// of the same size by random number in groups of 16, from huge pages where the
// system has them; "ahead 0" is the bare loop, "ahead 2" prefetches as a careful
// C programmer would. The last column compares with the fastest C variant.
package main

import (
	"flag"
	"fmt"
	"log"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/vectorizer-go/vectorizer/cpu/simd"
)

// group is how many rows one call scores: about what one hop of a graph search
// asks for.
const group = 16

type shape struct {
	name      string
	dim, rows int
}

var shapes = []shape{
	{"in L1", 256, 16},
	{"in L2", 256, 256},
	{"100k x 256", 256, 100_000},
	{"in L1", 128, 32},
	{"1M x 128", 128, 1_000_000},
	{"60k x 784", 784, 60_000},
}

// variants of the C side: compiler flags and prefetch distance.
var variants = []struct {
	name  string
	fast  bool
	ahead int
}{
	{"C -O3", false, 0}, {"C -O3 ahead 2", false, 2},
	{"C fast-math", true, 0}, {"C fast-math ahead 2", true, 2},
}

func main() {
	rounds := flag.Int("rounds", 5, "rounds; the best of each variant counts")
	seconds := flag.Float64("seconds", 0.3, "time of one measurement")
	cc := flag.String("cc", "gcc", "C compiler")
	source := flag.String("source", "cpu/simd/simdbench/testdata/gather.c", "C loops")
	flag.Parse()
	dir, err := os.MkdirTemp("", "simdbench")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	plain, fast := filepath.Join(dir, "plain"), filepath.Join(dir, "fast")
	for out, flags := range map[string][]string{plain: {}, fast: {"-ffast-math"}} {
		args := append([]string{"-O3", "-march=native", "-o", out, *source}, flags...)
		if text, err := exec.Command(*cc, args...).CombinedOutput(); err != nil {
			log.Fatalf("%s: %v\n%s", *cc, err, text)
		}
	}
	fmt.Printf("level %s, ns per row, best of %d rounds\n", simd.Level(), *rounds)
	fmt.Printf("%-6s %-11s %5s %8s", "", "rows", "dim", "Go")
	for _, v := range variants {
		fmt.Printf(" %20s", v.name)
	}
	fmt.Printf(" %8s\n", "Go/C")
	for _, k := range kernels {
		for _, s := range shapes {
			compare(k, s, *rounds, *seconds, plain, fast)
		}
	}
}

func compare(k kernel, s shape, rounds int, seconds float64, plain, fast string) {
	ours := math.Inf(1)
	theirs := make([]float64, len(variants))
	for i := range theirs {
		theirs[i] = math.Inf(1)
	}
	call, free := k.prepare(s)
	for range rounds {
		ours = min(ours, measure(s, call, seconds))
		for i, v := range variants {
			binary := plain
			if v.fast {
				binary = fast
			}
			theirs[i] = min(theirs[i], runC(binary, k.name, s, v.ahead, seconds))
		}
	}
	free()
	bestC := math.Inf(1)
	fmt.Printf("%-6s %-11s %5d %8.2f", k.name, s.name, s.dim, ours)
	for _, t := range theirs {
		bestC = min(bestC, t)
		fmt.Printf(" %20.2f", t)
	}
	fmt.Printf(" %7.0f%%\n", 100*bestC/ours)
}

// measure returns the least nanoseconds per row over passes through the ids.
func measure(s shape, call func(ids []uint32), seconds float64) float64 {
	r := rand.New(rand.NewPCG(1, 2))
	ids := make([]uint32, 1<<16)
	for i := range ids {
		ids[i] = uint32(r.IntN(s.rows))
	}
	best := math.Inf(1)
	for end := time.Now().Add(time.Duration(seconds * 1e9)); time.Now().Before(end); {
		start := time.Now()
		for i := 0; i+group <= len(ids); i += group {
			call(ids[i : i+group])
		}
		best = min(best, float64(time.Since(start))/float64(len(ids)))
	}
	return best
}

func runC(binary, metric string, s shape, ahead int, seconds float64) float64 {
	out, err := exec.Command(binary, metric, strconv.Itoa(s.dim), strconv.Itoa(s.rows),
		strconv.Itoa(group), strconv.Itoa(ahead), fmt.Sprint(seconds)).Output()
	if err != nil {
		log.Fatalf("%s: %v", binary, err)
	}
	ns, err := strconv.ParseFloat(strings.Fields(string(out))[0], 64)
	if err != nil {
		log.Fatal(err)
	}
	return ns
}
