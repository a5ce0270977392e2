package gpu

import (
	"errors"
	"fmt"
	"time"
	"unsafe"

	"github.com/vectorizer-go/vectorizer/gpu/driver"
	"github.com/vectorizer-go/vectorizer/kernels"
)

// lane is the memory of one lane. Only its goroutine touches it.
type lane struct {
	s      *session
	o      *Options
	device driver.Device
	stream driver.Stream
	second driver.Stream // copies tiles; nil until one is
	stage  []byte        // pinned; filled from the front between two waits
	staged int
	bufs   [bufferCount]buffer
	flags  []uint32
	work   time.Duration // that what is queued may take, see expected
	time   driver.Clock  // of the stream; nil without one
	clock  clock
	first  int      // query of a pass
	which  [2][]int // its queries: on tensor cores, and in f32, with those that these leave to it
	// The bitmaps of a pass, by the query whose they are, and each query's among them.
	sources []int
	names   []uint32
}

// The device buffers of a lane. They grow to what the largest batch needed.
const (
	bufSrc     = iota // rows or queries as they came
	bufQueries        // float [nq][stride]
	bufHalf           // words [nq][halfStride], and what bounds their error
	bufSkip           // bitmap
	bufList           // keys [nq][ListKeys]
	bufLeast          // sample [nq][groups]
	bufBest           // keys [nq][k]
	bufSmall          // count, limit, flags
	bufOut            // ids and distances
	bufTile0          // rows of a matrix in host memory
	bufTile1
	bufferCount
)

type buffer struct {
	at   driver.Ptr
	size uint64
}

// buffer returns buffer i with room for bytes. Growing loses the content.
func (l *lane) buffer(i int, bytes uint64) (uint64, error) {
	b := &l.bufs[i]
	if b.size >= bytes {
		return uint64(b.at), nil
	}
	if b.size > 0 {
		if err := l.device.Free(b.at); err != nil {
			return 0, err
		}
		*b = buffer{}
	}
	at, err := l.device.Alloc(bytes)
	if err != nil {
		return 0, err
	}
	*b = buffer{at, bytes}
	return uint64(at), nil
}

// upload queues a copy of n bytes to the device, in pieces through the stage; fill
// writes piece [from, from+len(dst)) of the source.
func (l *lane) upload(dst uint64, n int, fill func(dst []byte, from int) error) error {
	if err := l.begin(); err != nil {
		return err
	}
	for from := 0; from < n; {
		if l.staged == len(l.stage) {
			if err := errors.Join(l.lap(stageUpload), l.wait(), l.begin()); err != nil {
				return err
			}
		}
		piece := l.stage[l.staged:min(len(l.stage), l.staged+n-from)]
		if err := fill(piece, from); err != nil {
			return err
		}
		if err := l.stream.CopyIn(driver.Ptr(dst)+driver.Ptr(from), piece); err != nil {
			return err
		}
		l.staged += len(piece)
		from += len(piece)
	}
	return l.lap(stageUpload)
}

// room returns n bytes of the stage for a copy from the device.
func (l *lane) room(n int) ([]byte, error) {
	if n > len(l.stage) {
		return nil, fmt.Errorf("BUG: gpu: %d bytes wanted of a stage of %d", n, len(l.stage))
	}
	l.staged = (l.staged + 15) &^ 15
	if len(l.stage)-l.staged < n {
		if err := l.wait(); err != nil {
			return nil, err
		}
	}
	l.staged += n
	return l.stage[l.staged-n : l.staged], nil
}

// wait waits for everything queued, after which the stage is free again.
func (l *lane) wait() error {
	limit := l.o.HangAfter + l.work
	l.staged, l.work = 0, 0
	err := l.stream.Wait(limit)
	if err == nil {
		l.collect()
	}
	return err
}

// launch queues a kernel over a grid of blocks.
func launch[T kernels.Args](l *lane, name string, grid [2]int, threads int, shared int, args *T) error {
	if err := l.begin(); err != nil {
		return err
	}
	return l.stream.Launch(driver.Launch{
		Kernel: name, SharedBytes: uint32(shared),
		Grid:  [3]uint32{uint32(grid[0]), uint32(grid[1]), 1},
		Block: [3]uint32{uint32(threads), 1, 1},
		Args:  kernels.Bytes(args),
	})
}

// drain waits for what a failed job left behind, so that the next one starts on
// an idle stream and an empty stage.
func (l *lane) drain() error {
	l.clock = clock{}
	err := l.wait()
	if l.second != nil {
		err = errors.Join(err, l.second.Wait(l.o.HangAfter))
	}
	return err
}

func (l *lane) close() {
	err := l.stream.Close()
	if l.second != nil {
		err = errors.Join(err, l.second.Close())
	}
	for i := range l.bufs {
		if l.bufs[i].size > 0 {
			err = errors.Join(err, l.device.Free(l.bufs[i].at))
		}
	}
	_ = errors.Join(err, l.device.FreeHost(l.stage)) // the context goes next anyway
}

// bytesOf views a slice of plain numbers as bytes.
func bytesOf[T uint32 | uint64 | float32](s []T) []byte {
	if len(s) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&s[0])), len(s)*int(unsafe.Sizeof(s[0])))
}
