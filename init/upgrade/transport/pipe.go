package transport

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/proa-os/proa/config/nodeupgrade"
	"github.com/proa-os/proa/config/pushlink"
)

// Pipe has the files of a host at the other end of an SSH connection, which has started this program (proa push). It asks
// for one range after another. Its end is noticed at once, also while nothing is asked for.
type Pipe struct {
	hello pushlink.Answer
	out   io.Writer
	in    *bufio.Reader
	stall time.Duration

	mu   sync.Mutex // of one question and its answer
	of   *pipeFile  // whose answer arrives
	at   int64      // offset in the file of the next byte of it
	left int64      // bytes of it that have not been read
	lost error      // why nothing more can be asked
}

// ErrHostGone is in the errors after the host has closed the connection.
var ErrHostGone = errors.New("the host that pushes is gone")

// NewPipe greets the host. gone is called once when the host closes the connection. stall is how long a host may be
// silent when it was asked; 0: as in Patience.
func NewPipe(ctx context.Context, in io.Reader, out io.Writer, stall time.Duration, gone func()) (*Pipe, error) {
	p := &Pipe{out: out, stall: (Patience{Stall: stall}).orDefault().Stall}
	p.in = bufio.NewReaderSize(&pumped{from: pump(in, gone)}, pumpSize)
	hello, err := p.ask(ctx, pushlink.Request{})
	switch {
	case err != nil:
		return nil, fmt.Errorf("standard input is not proa push: %w", err)
	case hello.Format != pushlink.Format || hello.Kind != pushlink.Repository && hello.Kind != pushlink.SlotFile:
		return nil, fmt.Errorf("the host speaks format %d of proa push, this system %d: use the other's proa, or let the machine upgrade itself from a server", hello.Format, pushlink.Format)
	}
	p.hello = hello
	return p, nil
}

// Kind is what the host has.
func (p *Pipe) Kind() pushlink.Kind { return p.hello.Kind }

// String names the host.
func (p *Pipe) String() string {
	if name := nodeupgrade.Line(p.hello.Host, 64); name != "" {
		return name
	}
	return "a host"
}

// Ended tells the host how the run ended.
func (p *Pipe) Ended(e pushlink.Ended) error {
	return pushlink.Write(p.out, pushlink.Request{Ended: &e})
}

// Open implements Source.
func (p *Pipe) Open(ctx context.Context, name string, size int64) (File, error) {
	if err := valid(name); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	a, err := p.ask(ctx, pushlink.Request{Name: name})
	switch {
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", name, err)
	case a.Size < 0, size >= 0 && a.Size != size:
		return nil, fmt.Errorf("%s has %d bytes at the host, expected are %d", name, a.Size, size)
	}
	return &pipeFile{pipe: p, name: name, size: a.Size, end: a.Size}, nil
}

// ask sends a request and returns the answer; its bytes follow.
func (p *Pipe) ask(ctx context.Context, r pushlink.Request) (a pushlink.Answer, err error) {
	if err := p.drop(ctx); err != nil {
		return a, err
	}
	if err := pushlink.Write(p.out, r); err != nil {
		return a, p.fail(errors.Join(ErrHostGone, err))
	}
	a, err = waiting(ctx, p.stall, func() (a pushlink.Answer, err error) { return a, pushlink.Read(p.in, &a) })
	if err != nil {
		return a, p.fail(err)
	}
	switch {
	case a.Missing:
		return a, ErrMissing
	case a.Error != "":
		return a, fmt.Errorf("the host: %s", nodeupgrade.Line(a.Error, 300))
	case a.Length < 0 || a.Length > r.Length || a.Length > 0 && r.From+a.Length > a.Size:
		return a, p.fail(fmt.Errorf("the host answers with %d bytes at %d of %d, asked for %d", a.Length, r.From, a.Size, r.Length))
	}
	p.of, p.left = nil, a.Length
	return a, nil
}

// drop reads what is left of an answer that nobody wants any more.
func (p *Pipe) drop(ctx context.Context) error {
	for p.lost == nil && p.left > 0 {
		there, err := p.arrived(ctx)
		if err != nil {
			return p.fail(err)
		}
		n, _ := p.in.Discard(there) // they are in the buffer
		p.left -= int64(n)
		if p.of != nil {
			p.of.got += int64(n)
		}
	}
	return p.lost
}

func (p *Pipe) fail(err error) error {
	p.lost = err
	return err
}

// arrived waits until bytes of the answer are in the buffer, and returns how many.
func (p *Pipe) arrived(ctx context.Context) (int, error) {
	_, err := waiting(ctx, p.stall, func() ([]byte, error) { return p.in.Peek(1) })
	return int(min(int64(p.in.Buffered()), p.left)), err
}

// waiting reads, unless the host is silent for too long, or the caller gives up: then the read is left behind, and nothing
// more may be asked.
func waiting[T any](ctx context.Context, stall time.Duration, read func() (T, error)) (out T, err error) {
	type result struct {
		out T
		err error
	}
	done := make(chan result, 1)
	go func() { v, err := read(); done <- result{v, err} }()
	timer := time.NewTimer(stall)
	defer timer.Stop()
	select {
	case r := <-done:
		if errors.Is(r.err, io.EOF) || errors.Is(r.err, io.ErrUnexpectedEOF) {
			r.err = ErrHostGone
		}
		return r.out, r.err
	case <-ctx.Done():
		return out, ctx.Err()
	case <-timer.C:
		return out, fmt.Errorf("nothing arrived from the host for %s", stall)
	}
}

// pipeFile is one file of the host.
type pipeFile struct {
	pipe      *Pipe
	name      string
	size, end int64
	got       int64 // bytes, with those that were dropped
}

func (f *pipeFile) Size() int64     { return f.size }
func (f *pipeFile) Received() int64 { return f.got }
func (f *pipeFile) Close() error    { return nil }

func (f *pipeFile) Until(end int64) {
	if f.end = f.size; end >= 0 {
		f.end = min(end, f.size)
	}
}

// ReadAt implements File. What was asked for ahead serves the reads that follow in order.
func (f *pipeFile) ReadAt(ctx context.Context, b []byte, off int64) (n int, err error) {
	p := f.pipe
	p.mu.Lock()
	defer p.mu.Unlock()
	for n < len(b) {
		if off+int64(n) >= f.size {
			return n, io.EOF
		}
		got, err := f.some(ctx, b[n:], off+int64(n))
		if n += got; err != nil {
			return n, fmt.Errorf("read %s at %d: %w", f.name, off+int64(n), err)
		}
	}
	return n, nil
}

func (f *pipeFile) some(ctx context.Context, b []byte, off int64) (n int, err error) {
	p := f.pipe
	if p.lost != nil {
		return 0, p.lost
	}
	if p.of != f || p.at != off || p.left == 0 {
		ahead := max(f.end-off, int64(len(b)))
		a, err := p.ask(ctx, pushlink.Request{Name: f.name, From: off, Length: min(ahead, f.size-off, pushlink.MaxRange)})
		switch {
		case err != nil:
			return 0, err
		case a.Size != f.size:
			return 0, errChanged
		case a.Length == 0:
			return 0, io.ErrUnexpectedEOF
		}
		p.of, p.at = f, off
	}
	there, err := p.arrived(ctx)
	if err != nil {
		return 0, p.fail(err)
	}
	n, _ = p.in.Read(b[:min(len(b), there)]) // they are in the buffer
	p.at, p.left, f.got = p.at+int64(n), p.left-int64(n), f.got+int64(n)
	return n, nil
}
