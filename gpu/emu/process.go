//go:build unix

package emu

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"

	"github.com/vectorizer-go/vectorizer/gpu/driver"
)

// process is the child that runs kernels, with the memory that it shares.
type process struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout io.ReadCloser
	memory []byte
	base   uint64 // address of memory in the child

	mu   sync.Mutex // guards: the pipes, one launch at a time, and seed
	seed uint32
	dead bool
}

func start(program string, bytes int) (*process, error) {
	path, err := backing(bytes)
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.Remove(path) }() // once both sides have it mapped
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	memory, err := syscall.Mmap(int(f.Fd()), 0, bytes, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("emu: map %d bytes: %w", bytes, err)
	}
	p := &process{cmd: exec.Command(program, path, strconv.Itoa(bytes)), memory: memory}
	p.cmd.Stderr = os.Stderr
	if p.stdin, err = p.cmd.StdinPipe(); err == nil {
		p.stdout, err = p.cmd.StdoutPipe()
	}
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		return nil, errors.Join(err, syscall.Munmap(memory))
	}
	hello, err := p.reply()
	if err != nil || len(hello) != 8 {
		return nil, errors.Join(fmt.Errorf("emu: the device did not start: %w", err), p.stop())
	}
	p.base = binary.LittleEndian.Uint64(hello)
	return p, nil
}

// backing makes the file that is the device's memory; sparse, and in memory
// where the system has such a folder.
func backing(bytes int) (string, error) {
	dir := "/dev/shm"
	if s, err := os.Stat(dir); err != nil || !s.IsDir() {
		dir = os.TempDir()
	}
	f, err := os.CreateTemp(dir, "vectorizer-emu-*")
	if err != nil {
		return "", err
	}
	err = errors.Join(f.Truncate(int64(bytes)), f.Close())
	return filepath.Clean(f.Name()), err
}

// launch runs one kernel to its end.
func (p *process) launch(l driver.Launch) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seed++ // another order of blocks, warps and lanes for each launch
	op := "launch " + l.Kernel
	var req [64]byte
	if copy(req[:16], l.Kernel) > 15 {
		return &driver.Error{Code: driver.LaunchFailed, Op: op, Detail: "name too long"}
	}
	words := []uint32{
		l.Grid[0], l.Grid[1], l.Grid[2], l.Block[0], l.Block[1], l.Block[2],
		l.SharedBytes, p.seed, uint32(len(l.Args)),
	}
	for i, w := range words {
		binary.LittleEndian.PutUint32(req[16+4*i:], w)
	}
	_, err := p.stdin.Write(append(req[:], l.Args...))
	var text []byte
	if err == nil {
		text, err = p.reply()
	}
	if err != nil {
		p.dead = true
		return &driver.Error{Code: driver.Sticky, Op: op, Detail: "the kernel faulted"}
	}
	if len(text) > 0 {
		return &driver.Error{Code: driver.Sticky, Op: op, Detail: string(text)}
	}
	return nil
}

func (p *process) reply() ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(p.stdout, size[:]); err != nil {
		return nil, err
	}
	text := make([]byte, binary.LittleEndian.Uint32(size[:]))
	_, err := io.ReadFull(p.stdout, text)
	return text, err
}

// stop ends the child and unmaps the memory.
func (p *process) stop() error {
	_ = p.stdin.Close() // which ends a child that lives
	_ = p.cmd.Wait()
	return syscall.Munmap(p.memory)
}
