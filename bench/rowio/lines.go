package rowio

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// maxLineBytes bounds one line: a vector of the largest dimension as text and
// the largest payload fit.
const maxLineBytes = 8 << 20

// lines splits a source into lines. It remembers the number of the line.
type lines struct {
	source
	number int64 // of the last line returned, from 1
	long   []byte
}

// line returns the next line that is not blank, without its end. It is valid
// until the next call. Errors: io.EOF, or a refusal.
func (l *lines) line() ([]byte, error) {
	for {
		l.number++
		text, err := l.readLine()
		if err != nil {
			return nil, err
		}
		if l.number == 1 {
			text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
		}
		if len(bytes.TrimSpace(text)) > 0 {
			return text, nil
		}
	}
}

func (l *lines) readLine() ([]byte, error) {
	text, err := l.buf.ReadSlice('\n')
	l.long = l.long[:0]
	for errors.Is(err, bufio.ErrBufferFull) {
		l.long = append(l.long, text...)
		if len(l.long) > maxLineBytes {
			return nil, l.bad("line", fmt.Sprintf("at most %d bytes", maxLineBytes), "more")
		}
		text, err = l.buf.ReadSlice('\n')
	}
	if len(l.long) > 0 {
		l.long = append(l.long, text...)
		text = l.long
	}
	if err == io.EOF {
		if len(text) == 0 {
			return nil, io.EOF
		}
		return text, nil
	}
	if err != nil {
		return nil, l.broken(err)
	}
	return text[:len(text)-1], nil
}
