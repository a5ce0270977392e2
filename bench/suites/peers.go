package suites

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/vectorizer-go/vectorizer/bench/dataset"
	"github.com/vectorizer-go/vectorizer/bench/query"
	"github.com/vectorizer-go/vectorizer/bench/result"
	"github.com/vectorizer-go/vectorizer/bench/rowio"
)

// peers are the processes of other libraries.
type peers struct {
	all    []*peer
	remove func() // the files they read
}

// peer is one library in a process of its own; see bench/peers/driver.py.
type peer struct {
	name    string
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	checker *query.Checker
	bytes   int64 // memory of its index
}

// startPeers starts the libraries that the run asks for and notes their versions.
func startPeers(ctx context.Context, e *Env, r *result.Run) (*peers, error) {
	p := &peers{remove: func() {}}
	if len(e.Peers.Names) == 0 {
		return p, nil
	}
	dir, remove, err := e.tempDir()
	if err != nil {
		return nil, err
	}
	p.remove = remove
	base, queries := filepath.Join(dir, "base.npy"), filepath.Join(dir, "queries.npy")
	err = errors.Join(writeNPY(base, e.Set.Base, e.Set.Dim), writeNPY(queries, e.Set.Queries, e.Set.Dim))
	if err != nil {
		p.stop()
		return nil, err
	}
	r.Peers = map[string]string{}
	for _, name := range e.Peers.Names {
		one, version, err := startPeer(ctx, e, name, base, queries)
		if one != nil {
			p.all = append(p.all, one)
		}
		if err != nil {
			p.stop()
			return nil, fmt.Errorf("peer %s: %w (bench/peers/setup.sh installs it)", name, err)
		}
		r.Peers[name] = version
	}
	return p, nil
}

// index returns the place of a library in all, or -1.
func (p *peers) index(name string) int {
	for i, one := range p.all {
		if one.name == name {
			return i
		}
	}
	return -1
}

// stop ends the processes and removes their files.
func (p *peers) stop() {
	for _, one := range p.all {
		_ = one.in.Close() // the end of its input ends it
		_ = one.cmd.Wait()
	}
	p.remove()
}

func writeNPY(path string, rows []float32, dim int) error {
	w, err := rowio.Create(path, rowio.NPY)
	if err != nil {
		return err
	}
	for i := 0; i < len(rows); i += dim {
		if err := w.Write(&rowio.Row{ID: "x", Vector: rows[i : i+dim]}); err != nil {
			return errors.Join(err, w.Close())
		}
	}
	return errors.Join(w.Commit(), w.Close())
}

func startPeer(ctx context.Context, e *Env, name, base, queries string) (*peer, string, error) {
	cmd := exec.CommandContext(ctx, e.Peers.Python, e.Peers.Driver)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, "", err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, "", err
	}
	cmd.Stderr = e.Out
	cmd.Env = append(os.Environ(), fmt.Sprintf("OPENBLAS_NUM_THREADS=%d", e.BuildTh))
	if err := cmd.Start(); err != nil {
		return nil, "", err
	}
	p := &peer{name: name, cmd: cmd, in: in, out: bufio.NewReaderSize(out, 1<<20),
		checker: query.NewChecker(e.Set, e.K)}
	var answer struct{ Version string }
	err = p.call(map[string]any{"do": "open", "name": name, "base": base, "queries": queries,
		"metric": dataset.MetricName(e.Set.Metric), "m": e.M, "k": e.K}, &answer)
	return p, answer.Version, err
}

// call sends one line and reads the answer.
func (p *peer) call(request, answer any) error {
	text, err := json.Marshal(request)
	if err != nil {
		return err
	}
	if _, err := p.in.Write(append(text, '\n')); err != nil {
		return err
	}
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("its process ended: %w", err)
	}
	var failed struct{ Error string }
	if err := json.Unmarshal(line, &failed); err != nil {
		return fmt.Errorf("its answer is %.200q: %w", line, err)
	}
	if failed.Error != "" {
		return errors.New(failed.Error)
	}
	return json.Unmarshal(line, answer)
}

// build builds the library's index anew, with an effort of building, and returns
// the seconds that took.
func (p *peer) build(ctx context.Context, threads, efC int) (float64, error) {
	var answer struct {
		Seconds float64
		Bytes   int64
	}
	err := p.call(map[string]any{"do": "build", "threads": threads, "ef_construction": efC}, &answer)
	p.bytes = max(p.bytes, answer.Bytes)
	return answer.Seconds, errors.Join(p.named(err), ctx.Err())
}

// search measures one effort.
func (p *peer) search(ctx context.Context, ef, threads int, seconds float64) (recall, qps float64, err error) {
	var answer struct {
		QPS  float64
		Rows [][]int32
	}
	err = p.call(map[string]any{"do": "search", "ef": ef, "threads": threads, "seconds": seconds,
		"cpus": searchCPUs(threads)}, &answer)
	if err != nil || ctx.Err() != nil {
		return 0, 0, errors.Join(p.named(err), ctx.Err())
	}
	for q, rows := range answer.Rows {
		recall += p.checker.Recall(q, rows)
	}
	return recall / float64(max(len(answer.Rows), 1)), answer.QPS, nil
}

func (p *peer) named(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("peer %s: %w", p.name, err)
}
