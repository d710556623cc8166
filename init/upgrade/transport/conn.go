package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/proa-os/proa/init/fetch/stream"
)

// conn is the answer to one request, while it arrives.
type conn struct {
	span
	mirror int
	host   string
	at     int64 // offset in the file of the next byte
	counts bool  // the server did not say how long the body is
	whole  bool  // the server answers with the whole file, whatever part is asked for
	body   io.ReadCloser
	cancel context.CancelFunc

	limit    *Bucket
	patience Patience
	waited   time.Duration // for the server, since got began
	got      int64
}

// Opener asks: stream.Client does.
type Opener interface {
	Open(ctx context.Context, r stream.Request) (stream.Head, io.ReadCloser, error)
}

// dial asks a mirror, and waits for the head of the answer.
func (f *webFile) dial(ctx context.Context, m *mirror, off int64) (*conn, error) {
	r := stream.Request{URL: m.url(f.name), From: off, To: f.last(off), IfRange: f.tags[m.index], CAs: f.web.CAs, Hosts: f.web.Hosts}
	life, cancel := context.WithCancel(f.ctx)
	release := context.AfterFunc(ctx, cancel)
	defer release()
	patience := f.patience(m)
	timer := time.AfterFunc(patience.Stall, cancel)
	h, body, err := f.web.Opener.Open(life, r)
	if !timer.Stop() && ctx.Err() == nil && f.ctx.Err() == nil {
		err = errors.Join(fmt.Errorf("%s: no answer within %s", m.host, patience.Stall), closed(body))
	}
	if err != nil {
		cancel()
		return nil, final(err)
	}
	c := &conn{mirror: m.index, host: m.host, body: body, cancel: cancel, counts: h.Length < 0, limit: f.web.Limit, patience: patience}
	before := known{f.size, f.tags[m.index]}
	if c.span, err = judge(r, before, h); err != nil {
		c.close()
		return nil, about(m.host, err)
	}
	c.at, c.whole = c.begin, r.Ranged() && h.Status == http.StatusOK
	f.learn(m.index, c.total, h.ETag)
	return c, nil
}

// closed closes what may be nil; nobody wants its error.
func closed(c io.Closer) error {
	if c != nil {
		_ = c.Close()
	}
	return nil
}

// about adds the host to a judgement, and keeps its kind.
func about(host string, err error) error {
	var r *refusal
	var l *later
	switch {
	case errors.As(err, &r):
		return &refusal{fmt.Errorf("%s: %w", host, r.err)}
	case errors.As(err, &l):
		return &later{fmt.Errorf("%s: %w", host, l.err), l.after}
	}
	return fmt.Errorf("%s: %w", host, err)
}

// final makes a refusal of what a repeated request would not change.
func final(err error) error {
	if errors.As(err, new(*stream.FinalError)) {
		return &refusal{err}
	}
	return err
}

// read returns what has arrived. At the end of a body that is complete it returns io.EOF.
func (c *conn) read(ctx context.Context, b []byte) (int, error) {
	if c.end >= 0 && c.at >= c.end {
		return 0, c.more(ctx)
	}
	if c.end >= 0 {
		b = b[:min(int64(len(b)), c.end-c.at)]
	}
	n, err := c.wait(ctx, b)
	if taken := c.limit.Take(ctx, n); err == nil {
		err = taken
	}
	c.at += int64(n)
	switch {
	case errors.Is(err, io.EOF) && c.end >= 0 && c.at < c.end:
		return n, fmt.Errorf("%s: the answer ended after %d of %d bytes", c.host, c.at-c.begin, c.end-c.begin)
	case errors.Is(err, io.EOF) && n > 0:
		err = nil // the next read says it
	}
	return n, err
}

// more refuses a body that goes on where it should end.
func (c *conn) more(ctx context.Context) error {
	if !c.counts || c.end != c.total {
		return io.EOF
	}
	if n, _ := c.wait(ctx, make([]byte, 1)); n > 0 { // any error is as good as the end: everything has arrived
		return refuse("%s: the file is longer than the %d bytes expected", c.host, c.total)
	}
	return io.EOF
}

// wait reads, as long as the server sends anything, and enough on average.
func (c *conn) wait(ctx context.Context, b []byte) (int, error) {
	release := context.AfterFunc(ctx, c.cancel)
	defer release()
	timer := time.AfterFunc(c.patience.Stall, c.cancel)
	began := time.Now()
	n, err := c.body.Read(b)
	if !timer.Stop() && n == 0 && ctx.Err() == nil {
		return 0, fmt.Errorf("%s: nothing arrived for %s", c.host, c.patience.Stall)
	}
	if err != nil && ctx.Err() != nil {
		return n, ctx.Err()
	}
	c.waited += time.Since(began)
	if c.got += int64(n); c.waited < c.patience.Stall {
		return n, err
	}
	if c.got < c.patience.Least && err == nil {
		err = fmt.Errorf("%s: too slow, %d bytes in %s", c.host, c.got, c.waited.Round(time.Second))
	}
	c.waited, c.got = 0, 0
	return n, err
}

// skip drops what lies before an offset.
func (c *conn) skip(ctx context.Context, to int64, buf []byte) error {
	for c.at < to {
		_, err := c.read(ctx, buf[:min(int64(len(buf)), to-c.at)])
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("%s: the answer ended at byte %d", c.host, c.at)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *conn) close() {
	c.cancel()
	_ = c.body.Close() // only read
}
