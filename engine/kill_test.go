package engine

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// killDirEnv tells a copy of the test binary to be the victim of TestKill.
const killDirEnv = "VECTORIZER_TEST_KILL_DIR"

// TestKillVictim is not a test of its own: it is the process that TestKill kills.
// It writes pairs of records in one commit each, by several goroutines, and says
// on its output what was acknowledged.
func TestKillVictim(t *testing.T) {
	dir := os.Getenv(killDirEnv)
	if dir == "" {
		return // run by TestKill only
	}
	ctx := context.Background()
	e, err := openReady(Options{Dir: dir, ImageMinRows: 200, ImageFraction: 0.01, MinFreeBytes: 1})
	if err != nil {
		t.Fatal(err)
	}
	if len(e.Collections()) == 0 {
		create(t, e, "a", 4, compute.L2)
	}
	fmt.Println("\nready")
	start, err := strconv.Atoi(os.Getenv(killDirEnv + "_FROM"))
	if err != nil {
		t.Fatal(err)
	}
	for w := range 4 {
		go func() {
			for n := start + w; ; n += 4 {
				v := []float32{float32(n), 1, 2, 3}
				x, y, text := fmt.Sprintf("x%d", n%997), fmt.Sprintf("y%d", n%997), fmt.Appendf(nil, `{"n":%d}`, n)
				if _, err := e.Write(ctx, Mutation{Collection: "a", Ops: []Op{
					{Kind: OpUpsert, ID: x, Vector: v, Payload: text},
					{Kind: OpUpsert, ID: y, Vector: v, Payload: text},
				}}); err != nil {
					fmt.Println("error", err)
					return
				}
				fmt.Printf("ack %d\n", n) // one write call per line
			}
		}()
	}
	<-ctx.Done()
}

// TestKill kills a writing process at random moments, 50 times over the same
// directory. After each kill every acknowledged pair, or a later one under the
// same ids, is there, and no pair is half there.
func TestKill(t *testing.T) {
	rounds := 50
	if testing.Short() {
		rounds = 5
	}
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	acked := map[int]int{} // n%997 -> newest acknowledged n, by client order
	next, total := 0, 0
	for round := range rounds {
		got := killOnce(t, dir, next, time.Duration(20+r.IntN(200))*time.Millisecond)
		for _, n := range got {
			acked[n%997] = max(acked[n%997], n)
			next = max(next, n+8)
		}
		total += len(got)
		checkPairs(t, dir, acked, round)
	}
	if total < rounds {
		t.Fatalf("only %d writes were acknowledged", total)
	}
	rep, err := Verify(context.Background(), dir, Options{})
	if err != nil || !rep.OK() {
		t.Fatal(rep.Problems, err)
	}
	t.Logf("%d rounds, %d acknowledged writes", rounds, total)
}

// killOnce runs the victim for a while and returns what it acknowledged.
func killOnce(t *testing.T, dir string, from int, life time.Duration) (acked []int) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKillVictim$", "-test.timeout=2m")
	cmd.Env = append(os.Environ(), killDirEnv+"="+dir, killDirEnv+"_FROM="+strconv.Itoa(from))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var other strings.Builder
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err == io.EOF {
			break // a last line without its end was cut by the kill
		}
		if err != nil && !strings.Contains(err.Error(), "closed") {
			t.Fatal(err)
		}
		switch n, ok := strings.CutPrefix(strings.TrimSpace(line), "ack "); {
		case ok:
			v, err := strconv.Atoi(n)
			if err != nil {
				t.Fatalf("line %q", line)
			}
			acked = append(acked, v)
		case strings.TrimSpace(line) == "ready":
			time.AfterFunc(life, func() { _ = cmd.Process.Kill() })
		default:
			other.WriteString(line)
		}
	}
	_ = cmd.Wait() // killed
	if len(acked) == 0 && strings.Contains(other.String(), "FAIL") {
		t.Fatal(other.String())
	}
	return acked
}

// checkPairs opens dir and compares it with what was acknowledged.
func checkPairs(t *testing.T, dir string, acked map[int]int, round int) {
	t.Helper()
	ctx := context.Background()
	e, err := openReady(Options{Dir: dir, MinFreeBytes: 1})
	if err != nil {
		t.Fatalf("round %d: %v", round, err)
	}
	defer func() {
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}()
	for slot, n := range acked {
		x, err1 := e.Get(ctx, "a", fmt.Sprintf("x%d", slot), Fields{Vector: true})
		y, err2 := e.Get(ctx, "a", fmt.Sprintf("y%d", slot), Fields{Vector: true})
		if err1 != nil || err2 != nil {
			t.Fatalf("round %d: pair %d is gone: %v %v", round, n, err1, err2)
		}
		if x.Vector[0] != y.Vector[0] || int(x.Vector[0]) < n {
			t.Fatalf("round %d: pair %d shows %v and %v", round, n, x.Vector[0], y.Vector[0])
		}
		res, err := e.Search(ctx, "a", &SearchRequest{Vector: x.Vector, K: 2, Exact: true})
		if err != nil || len(res.Hits) != 2 || res.Hits[0].Distance != 0 || res.Hits[1].Distance != 0 {
			t.Fatalf("round %d: search for pair %d: %+v %v", round, n, res.Hits, err)
		}
	}
}
