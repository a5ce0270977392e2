package httpapi

import (
	"errors"
	"io"
	"net"
	"slices"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/valyala/fasthttp"

	"github.com/vectorizer-go/vectorizer/engine/errs"
)

const (
	// bodyStart is the most that a declared length alone makes us allocate; the
	// rest follows as bytes arrive.
	bodyStart = 64 << 10
	// bodyKeep is the largest body buffer that a pooled call keeps.
	bodyKeep = 1 << 20
	// bodyProgress is how many bytes renew the read deadline of a body.
	bodyProgress = 1 << 20
	// zstdWindow is the largest window of a zstd body; encoders use 8 MiB at most
	// unless told otherwise.
	zstdWindow = 8 << 20
)

// tooLarge is the error of a body of more than limit bytes.
func tooLarge(limit int64) error {
	return errs.New(errs.PayloadTooLarge, "Request body is larger than %d bytes", limit).
		With("limit_bytes", limit)
}

// bodyReader reads the body of a request, not beyond a limit, with a deadline
// that moves as bytes arrive: a large body may take its time, a client that
// trickles may not.
type bodyReader struct {
	c     *call
	src   io.Reader
	left  int64 // bytes until the limit
	limit int64
	due   int64 // bytes until the deadline is renewed
}

// newBodyReader returns the body of c as it was sent. A declared length beyond
// limit is refused at once.
func (c *call) newBodyReader(limit int64) (*bodyReader, error) {
	req := &c.ctx.Request
	if n := req.Header.ContentLength(); int64(n) > limit {
		return nil, tooLarge(limit)
	}
	r := &bodyReader{c: c, src: req.BodyStream(), left: limit, limit: limit, due: bodyProgress}
	return r, nil
}

// Read implements io.Reader.
func (r *bodyReader) Read(p []byte) (int, error) {
	if r.left == 0 {
		// One byte more tells a body of exactly limit bytes from a longer one.
		var one [1]byte
		n, err := io.ReadFull(r.src, one[:])
		if n > 0 {
			return 0, tooLarge(r.limit)
		}
		return 0, err
	}
	if int64(len(p)) > r.left {
		p = p[:r.left]
	}
	n, err := r.src.Read(p)
	r.left -= int64(n)
	if r.due -= int64(n); r.due <= 0 {
		r.due = bodyProgress
		r.c.renewReadDeadline()
	}
	if err != nil && err != io.EOF {
		err = bodyError(err)
	}
	return n, err
}

// bodyError types a failure to receive the body.
func bodyError(err error) error {
	var timeout net.Error
	var typed *errs.Error
	switch {
	case errors.As(err, &typed):
		return err
	case errors.As(err, &timeout) && timeout.Timeout():
		return errs.New(kindRequestTimeout, "Request body did not arrive in time")
	}
	return errs.New(errs.BadRequest, "Request body ended early or is not well framed").Wrap(err)
}

// readBody reads the whole body, decompressed, into the call's buffer. The
// result is valid until the call ends.
func (c *call) readBody() ([]byte, error) {
	req := &c.ctx.Request
	limit := c.s.limits.BodyBytes
	encoding := req.Header.ContentEncoding()
	if len(encoding) == 0 && !req.IsBodyStream() {
		if b := req.Body(); int64(len(b)) <= limit {
			return b, nil // already in memory: an in-process call
		}
		return nil, tooLarge(limit)
	}
	raw, err := c.newBodyReader(limit)
	if err != nil {
		return nil, err
	}
	src := io.Reader(raw)
	if len(encoding) > 0 {
		if !req.IsBodyStream() {
			return nil, errs.New(errs.UnsupportedMedia, "Compressed body is not streamed")
		}
		plain, done, err := decompress(string(encoding), raw, limit)
		if err != nil {
			return nil, err
		}
		defer done()
		src = plain
	}
	return c.readAll(src, req.Header.ContentLength(), limit)
}

// readAll reads src into the call's buffer, which grows as bytes arrive and never
// beyond what the server may hold over all requests.
func (c *call) readAll(src io.Reader, declared int, limit int64) ([]byte, error) {
	buf := c.bodyBuf[:0]
	if declared > 0 {
		buf = slices.Grow(buf, min(declared, bodyStart))
	}
	defer func() { c.bodyBuf = buf }()
	for {
		if len(buf) == cap(buf) {
			if len(buf) >= bodyStart {
				if err := c.holdBytes(int64(2 * cap(buf))); err != nil {
					return nil, err
				}
			}
			buf = slices.Grow(buf, max(len(buf), 4096))
		}
		n, err := src.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if int64(len(buf)) > limit {
			return nil, tooLarge(limit)
		}
		switch {
		case err == io.EOF:
			return buf, nil
		case err != nil:
			return nil, bodyError(err)
		}
	}
}

// holdBytes accounts for a body buffer of n bytes until the call ends.
func (c *call) holdBytes(n int64) error {
	more := n - c.held
	if c.s.held.Add(more) > c.s.limits.InflightBytes {
		c.s.held.Add(-more)
		return errs.New(errs.RateLimited, "Server holds as many request bodies as it may").
			With("limit_type", "inflight_bytes").With("limit", c.s.limits.InflightBytes).
			With("retry_after", 1)
	}
	c.held = n
	return nil
}

// decompress wraps a body sent with Content-Encoding. What it yields is limited
// by the caller, so a small body that unpacks to a huge one is refused like a
// huge one.
func decompress(encoding string, src io.Reader, limit int64) (io.Reader, func(), error) {
	switch encoding {
	case "gzip":
		z, err := gzip.NewReader(src)
		if err != nil {
			return nil, nil, badEncoding(encoding, err)
		}
		return encodedReader{z, encoding}, func() { _ = z.Close() }, nil
	case "zstd":
		z, err := zstd.NewReader(src, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxMemory(uint64(max(limit, zstdWindow))),
			zstd.WithDecoderMaxWindow(zstdWindow))
		if err != nil {
			return nil, nil, badEncoding(encoding, err)
		}
		return encodedReader{z, encoding}, z.Close, nil
	case "identity":
		return src, func() {}, nil
	}
	return nil, nil, errs.New(errs.UnsupportedMedia,
		"Content-Encoding %q is not one of gzip, zstd, identity", encoding).
		With("field", "Content-Encoding")
}

// encodedReader types the errors of a decompressor.
type encodedReader struct {
	io.Reader
	encoding string
}

// Read implements io.Reader.
func (r encodedReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	var typed *errs.Error
	if err != nil && err != io.EOF && !errors.As(err, &typed) {
		err = badEncoding(r.encoding, err)
	}
	return n, err
}

func badEncoding(encoding string, err error) error {
	var typed *errs.Error
	if errors.As(err, &typed) {
		return typed
	}
	return errs.New(errs.BadRequest, "Request body is not valid %s", encoding).Wrap(err)
}

// renewReadDeadline gives the client another ReadTimeout.
func (c *call) renewReadDeadline() {
	if c.ctx.Conn() != nil {
		_ = c.ctx.SetReadDeadline(time.Now().Add(c.s.limits.ReadTimeout))
	}
}

// hasBody reports whether the request has a body at all.
func hasBody(req *fasthttp.Request) bool {
	n := req.Header.ContentLength()
	return n > 0 || n == -1 || (!req.IsBodyStream() && len(req.Body()) > 0)
}
