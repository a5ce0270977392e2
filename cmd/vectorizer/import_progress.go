package main

import (
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progress is a bar with rate and time left on a terminal, and nothing elsewhere.
type progress struct {
	out  io.Writer
	name string
	bar  *progressbar.ProgressBar
}

func newProgress(out io.Writer, name string) *progress {
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return &progress{out: out, name: name}
	}
	return &progress{}
}

// set shows that n of total rows are done; total 0 is unknown. It is called by one
// goroutine at a time.
func (p *progress) set(n, total int64) {
	if p.out == nil {
		return
	}
	if p.bar == nil {
		if total == 0 {
			total = -1
		}
		p.bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(p.out),
			progressbar.OptionSetDescription(p.name), progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(30))
	}
	_ = p.bar.Set64(n) // a bar that cannot be drawn is no reason to stop
}

// describe changes the words before the bar.
func (p *progress) describe(text string) {
	p.name = text
	if p.bar != nil {
		p.bar.Describe(text)
	}
}

// finish removes the bar.
func (p *progress) finish() {
	if p.bar != nil {
		_ = p.bar.Clear()
		p.bar = nil
	}
}
