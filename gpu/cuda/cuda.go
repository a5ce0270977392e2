//go:build cuda && linux && cgo

package cuda

import (
	"fmt"
	"runtime"
	"strings"
	"unsafe"

	"gorgonia.org/cu"

	"github.com/vectorizer-go/vectorizer/gpu/driver"
	"github.com/vectorizer-go/vectorizer/kernels"
)

// Built says whether the driver is built into this binary.
const Built = true

// New returns the driver. An *Error says why it cannot be used.
func New() (driver.Driver, error) {
	if err := driverState(); err != nil {
		return nil, err
	}
	return cudaDriver{}, nil
}

type cudaDriver struct{}

func (cudaDriver) Name() string { return "cuda" }

func (cudaDriver) Devices() ([]driver.Info, error) {
	n, err := cu.NumDevices()
	if err != nil {
		return nil, wrap("count devices", err)
	}
	if n == 0 {
		return nil, &driver.Error{Code: driver.NoDevice, Detail: "the driver lists none"}
	}
	all := make([]driver.Info, 0, n)
	for i := range n {
		d, err := cu.GetDevice(i)
		if err != nil {
			return nil, wrap("get device", err)
		}
		info, err := describeDevice(d)
		if err != nil {
			return nil, err
		}
		all = append(all, info)
	}
	return all, nil
}

func describeDevice(d cu.Device) (driver.Info, error) {
	var i driver.Info
	name, err := d.Name()
	if err != nil {
		return i, wrap("device name", err)
	}
	total, err := d.TotalMem()
	if err != nil {
		return i, wrap("device memory", err)
	}
	i.Name, i.MemoryBytes = strings.TrimRight(name, "\x00"), uint64(total)
	for _, a := range []struct {
		which cu.DeviceAttribute
		into  *int
	}{
		{cu.ComputeCapabilityMajor, &i.Major}, {cu.ComputeCapabilityMinor, &i.Minor},
		{cu.MultiprocessorCount, &i.Processors}, {sharedOptIn, &i.SharedBytes},
	} {
		if *a.into, err = d.Attribute(a.which); err != nil {
			return i, wrap("device attribute", err)
		}
	}
	v := cu.Version()
	i.Driver = fmt.Sprintf("%d.%d", v/1000, v%1000/10)
	return i, nil
}

// sharedOptIn is CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN.
const sharedOptIn = cu.DeviceAttribute(97)

func (cudaDriver) Open(ordinal int, images []driver.Image) (driver.Device, error) {
	dev, err := cu.GetDevice(ordinal)
	if err != nil {
		return nil, wrap("get device", err)
	}
	info, err := describeDevice(dev)
	if err != nil {
		return nil, err
	}
	// Waiting spins by default, which would take a core for each lane.
	ctx, err := dev.MakeContext(cu.SchedYield)
	if err != nil {
		return nil, wrap("make context", err)
	}
	d := &device{info: info, ctx: ctx, functions: map[string]cu.Function{}}
	if err := d.load(images); err != nil {
		_ = d.ctx.Destroy()
		return nil, err
	}
	return d, nil
}

// device is an open context with the kernels in it. functions is written by load
// only.
type device struct {
	info      driver.Info
	ctx       cu.CUContext
	image     string
	functions map[string]cu.Function
}

// load takes the first image that is for the device and that the driver accepts.
func (d *device) load(images []driver.Image) error {
	arch := d.info.Major*10 + d.info.Minor
	var last error
	for _, i := range images {
		if i.Arch > arch || i.Only && i.Arch != arch {
			continue
		}
		m, err := cu.LoadData(i.Code)
		if err != nil {
			last = wrap("load "+i.Name, err)
			continue
		}
		for _, name := range kernels.Names(i.Code) {
			f, err := m.Function(name)
			if err != nil {
				return wrap("find "+name, err)
			}
			if err := allowShared(f, d.info.SharedBytes-reservedShared); err != nil {
				return err
			}
			d.functions[name] = f
		}
		d.image = i.Name
		return nil
	}
	detail := fmt.Sprintf("capability %d.%d, driver %s", d.info.Major, d.info.Minor, d.info.Driver)
	if last != nil {
		detail += "; " + last.Error()
	}
	return &driver.Error{Code: driver.NoImage, Op: "load kernels", Detail: detail}
}

// reservedShared is left for a kernel's static shared memory.
const reservedShared = 2 << 10

func (d *device) Info() driver.Info { return d.info }
func (d *device) Image() string     { return d.image }
func (d *device) Bind() error       { return wrap("bind", cu.SetCurrentContext(d.ctx)) }

func (d *device) Memory() (free, total uint64, err error) {
	f, t, err := cu.MemInfo()
	return uint64(f), uint64(t), wrap("memory", err)
}

func (d *device) Alloc(bytes uint64) (driver.Ptr, error) {
	p, err := cu.MemAlloc(int64(bytes))
	return driver.Ptr(p), wrap("alloc", err)
}

func (d *device) Free(p driver.Ptr) error { return wrap("free", cu.MemFree(cu.DevicePtr(p))) }

func (d *device) AllocHost(bytes int) ([]byte, error) { return allocHost(bytes) }

func (d *device) FreeHost(b []byte) error {
	return wrap("free host", cu.MemFreeHost(unsafe.Pointer(&b[0])))
}

func (d *device) NewStream() (driver.Stream, error) {
	s, err := cu.MakeStream(cu.NonBlocking)
	if err != nil {
		return nil, wrap("new stream", err)
	}
	return &stream{d: d, s: s}, nil
}

// Close destroys the context from whatever thread it is called on.
func (d *device) Close() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return wrap("close", d.ctx.Destroy())
}
