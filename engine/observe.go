package engine

import "time"

// Observer receives what the engine measured. Its methods are called from hot
// paths and must return at once: a few atomic adds, no lock held across a wait.
type Observer interface {
	// Commit is called for every request that the committer took.
	Commit(ev CommitEvent)
	// Image is called when an index image was written, or failed to be.
	Image(ev ImageEvent)
	// Loaded is called when a collection finished loading.
	Loaded(ev LoadEvent)
}

// CommitEvent describes one request on the commit path.
type CommitEvent struct {
	Ops   int           // valid ops of the request
	Bytes int           // its size in memory
	Wait  time.Duration // in the queue
	Took  time.Duration // from being taken to being visible, the fsync included
	Err   error
}

// ImageEvent describes one image.
type ImageEvent struct {
	Collection string
	Rows       int
	Bytes      int64
	Took       time.Duration
	Err        error
}

// LoadEvent describes how a collection was loaded.
type LoadEvent struct {
	Collection string
	FromImage  bool   // false: rebuilt from records
	Reason     string // why it was rebuilt, if an image was expected
	Rows       int
	TailOps    int // ops of the log applied on top of the image
	Took       time.Duration
	Err        error
}

// noObserver is the default.
type noObserver struct{}

func (noObserver) Commit(CommitEvent) {}
func (noObserver) Image(ImageEvent)   {}
func (noObserver) Loaded(LoadEvent)   {}
