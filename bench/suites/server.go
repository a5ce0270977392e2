package suites

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/vectorizer-go/vectorizer/bench/bulk"
	"github.com/vectorizer-go/vectorizer/bench/client"
	"github.com/vectorizer-go/vectorizer/bench/dataset"
	"github.com/vectorizer-go/vectorizer/bench/measure"
	"github.com/vectorizer-go/vectorizer/bench/query"
)

// server is the real program, serving in a process of its own, so that its CPU
// time and memory are its own too.
type server struct {
	*client.Client
	cmd  *exec.Cmd
	logs sync.WaitGroup
	last *tail // of its log
}

// collection is the collection that suites fill.
const collection = "bench"

// listening is the line of the log that says where a server listens.
var listening = regexp.MustCompile(`"address":"http://([^"]+)"`)

// startServer runs the program on a data directory and returns once it listens.
func startServer(ctx context.Context, e *Env, dir string) (*server, error) {
	if len(e.Server) == 0 {
		return nil, errors.New("no server program is set")
	}
	args := append(e.Server[1:len(e.Server):len(e.Server)], "--port", "0", "--data-dir", dir)
	s := &server{cmd: exec.CommandContext(ctx, e.Server[0], args...), last: new(tail)}
	s.cmd.Env = append(os.Environ(), e.ServerEnv...)
	s.cmd.Cancel = s.interrupt
	s.cmd.WaitDelay = time.Minute
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	address := make(chan string, 1)
	s.logs.Go(func() { s.readLog(stderr, address) })
	addr, ok := <-address
	if !ok {
		return nil, fmt.Errorf("the server ended before it listened: %w\n%s", s.wait(), s.last)
	}
	s.Client = client.New(addr)
	return s, nil
}

// readLog looks for the address and keeps the last lines. It ends with the server.
func (s *server) readLog(r io.Reader, address chan<- string) {
	defer close(address)
	found := false
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		s.last.add(lines.Text())
		if m := listening.FindStringSubmatch(lines.Text()); m != nil && !found {
			found = true
			address <- m[1]
		}
	}
	_, _ = io.Copy(io.Discard, r)
}

func (s *server) wait() error {
	s.logs.Wait()
	return s.cmd.Wait()
}

// stop ends the server as an operator does and waits for it.
func (s *server) stop() error {
	_ = s.Client.Close()
	if err := s.interrupt(); err != nil {
		return fmt.Errorf("stop the server: %w", err)
	}
	if err := s.wait(); err != nil && runtime.GOOS != "windows" {
		return fmt.Errorf("the server ended badly: %w\n%s", err, s.last)
	}
	return nil
}

// interrupt asks the server to end. Windows has no such signal: there it is killed.
func (s *server) interrupt() error {
	if runtime.GOOS == "windows" {
		return s.cmd.Process.Kill()
	}
	return s.cmd.Process.Signal(os.Interrupt)
}

// kill ends the server at once.
func (s *server) kill() error {
	_ = s.Client.Close()
	err := s.cmd.Process.Kill()
	_ = s.wait() // killed, so it cannot end well
	return err
}

// usage is what the server has used so far.
func (s *server) usage() (measure.Usage, error) { return measure.UsageOf(s.cmd.Process.Pid) }

// create makes the collection of the suites.
func (s *server) create(ctx context.Context, e *Env, set *dataset.Set) error {
	return createFor(ctx, s.Client, e, set)
}

// createFor makes the collection of the suites at any server.
func createFor(ctx context.Context, c *client.Client, e *Env, set *dataset.Set) error {
	return c.Create(ctx, client.Collection{Name: collection, Dimension: set.Dim,
		Metric: dataset.MetricName(set.Metric), HNSW: client.HNSW{M: e.M, EfConstruction: e.EfC}})
}

// load imports a set into the collection and waits for its index. It returns how
// long both took.
func (s *server) load(ctx context.Context, set *dataset.Set) (time.Duration, error) {
	begin := time.Now()
	res, err := bulk.Import(ctx, set.Reader(), bulk.ImportOptions{Addr: s.Addr(), Collection: collection,
		Timeout: 5 * time.Minute})
	if err != nil {
		return 0, err
	}
	if res.Rows != int64(set.Rows()) {
		return 0, fmt.Errorf("%d of %d rows were stored", res.Rows, set.Rows())
	}
	err = s.WaitIndexed(ctx, collection, nil)
	return time.Since(begin), err
}

// target is the collection for package query.
func (s *server) target(e *Env, set *dataset.Set) query.Target {
	return query.Target{Addr: s.Addr(), Collection: collection, Set: set, K: e.K}
}

// tail keeps the last lines of a log.
type tail struct {
	mu    sync.Mutex // guards: lines
	lines []string
}

const tailLines = 10

func (t *tail) add(line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines = append(t.lines, line)
	if len(t.lines) > tailLines {
		t.lines = t.lines[1:]
	}
}

// String joins the lines.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(t.lines, "\n")
}
