package transport

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

const (
	// gap is what is read and dropped rather than asked for anew: about what arrives during a handshake.
	gap = 512 << 10
	// step is the progress after which failures begin to count anew.
	step = 64 << 10
)

// webFile is one file of a Web.
type webFile struct {
	ctx  context.Context
	web  *Web
	name string
	size int64
	end  int64 // where reading ends; Unknown: at the end of the file
	// unsure: no signed metadata says that there is such a file; that there is none may be the answer looked for.
	unsure bool
	conn   *conn

	tags    map[int]string // ETags, by mirror
	refused map[int]error  // mirrors that are of no use for this file
	failed  map[int]error  // last failures of others
	since   time.Time      // the last progress, without the time between reads
	left    time.Time      // the end of the last read
	moved   int64          // bytes since then
	skipped []byte         // buffer
	got     int64          // bytes, with those that were dropped
}

// Until implements File.
func (f *webFile) Until(end int64) { f.end = end }

// Size implements File.
func (f *webFile) Size() int64 { return f.size }

// Received implements File.
func (f *webFile) Received() int64 { return f.got }

// last is the last byte of the next request; negative: that of the file. All of a file is asked for without a range, so
// that any server can answer.
func (f *webFile) last(off int64) int64 {
	switch {
	case f.end > off && f.end != f.size:
		return f.end - 1
	case off == 0:
		return -1
	}
	return max(f.size, 0) - 1
}

// Close implements File.
func (f *webFile) Close() error {
	f.drop()
	return nil
}

func (f *webFile) drop() {
	if f.conn != nil {
		f.conn.close()
		f.conn = nil
	}
}

func (f *webFile) learn(mirror int, total int64, tag string) {
	if tag != "" {
		f.tags[mirror] = tag
	}
	if f.size < 0 {
		f.size = total
	}
}

// ReadAt implements File.
func (f *webFile) ReadAt(ctx context.Context, b []byte, off int64) (n int, err error) {
	f.since = f.since.Add(time.Since(f.left)) // what the reader takes is not the server's fault
	defer func() { f.left = time.Now() }()
	for n < len(b) {
		if f.size >= 0 && off+int64(n) >= f.size {
			return n, f.complete(ctx)
		}
		got, err := f.some(ctx, b[n:], off+int64(n))
		f.progress(got)
		n += got
		if errors.Is(err, io.EOF) && f.size < 0 {
			f.size = off + int64(n) // the answer had no length
			return n, io.EOF
		}
		if err == nil || errors.Is(err, io.EOF) { // a server may send less than was asked for
			continue
		}
		if err := f.recover(ctx, err); err != nil {
			return n, err
		}
	}
	if f.size >= 0 && off+int64(n) == f.size {
		if err := f.complete(ctx); !errors.Is(err, io.EOF) {
			return n, err
		}
	}
	return n, nil
}

// complete looks whether the answer ends where the file does, and returns io.EOF.
func (f *webFile) complete(ctx context.Context) error {
	if f.conn == nil || f.conn.at < f.size {
		return io.EOF
	}
	_, err := f.conn.read(ctx, make([]byte, 1))
	f.drop()
	if !errors.Is(err, io.EOF) {
		err = fmt.Errorf("read %s: %w", f.name, err)
	}
	return err
}

// some reads what the connection has at an offset; it makes one if need be.
func (f *webFile) some(ctx context.Context, b []byte, off int64) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if c := f.conn; c != nil && (off < c.at || off > c.at+gap && !c.whole || c.end >= 0 && off >= c.end) {
		f.drop()
	}
	if f.conn == nil {
		if err := f.connect(ctx, off); err != nil {
			return 0, err
		}
	}
	c, at := f.conn, f.conn.at
	defer func() { f.got += c.at - at }()
	if f.skipped == nil && off > at {
		f.skipped = make([]byte, 32<<10)
	}
	if err := c.skip(ctx, off, f.skipped); err != nil {
		return 0, err
	}
	n, err := c.read(ctx, b)
	if errors.Is(err, io.EOF) {
		f.drop()
	}
	return n, err
}

// connect asks the mirror whose turn it is, after its pause.
func (f *webFile) connect(ctx context.Context, off int64) error {
	m, pause := f.web.next(f.refused, time.Now())
	if m == nil {
		return f.gone("check the address, and that all of the release was uploaded")
	}
	budget := f.patience(m).Budget
	if time.Since(f.since)+pause > budget {
		return f.gone(fmt.Sprintf("no progress for %s: check network and server, then run the same command again", budget))
	}
	if err := sleep(ctx, pause); err != nil {
		return err
	}
	c, err := f.dial(ctx, m, off)
	if err != nil {
		return &failure{m.index, err}
	}
	f.conn = c
	return nil
}

// patience is that with a mirror: brief while others are left, and for a file that one mirror does not have and that need
// not exist, so that a mirror that is dead does not hold back an answer for minutes.
func (f *webFile) patience(with *mirror) Patience {
	p := f.web.Patience.orDefault()
	lacking := false
	for _, m := range f.web.mirrors {
		refused, failed := f.refused[m.index], f.failed[m.index]
		if m != with && refused == nil && failed == nil {
			return p.brief()
		}
		lacking = lacking || errors.Is(refused, ErrMissing)
	}
	if lacking && f.unsure {
		p = p.brief()
		p.Budget = min(p.Budget, p.Brief)
	}
	return p
}

// failure is an error of one mirror.
type failure struct {
	mirror int
	err    error
}

func (e *failure) Error() string { return e.err.Error() }
func (e *failure) Unwrap() error { return e.err }

// recover decides after an error whether to go on: with another mirror, or with this one after a pause.
func (f *webFile) recover(ctx context.Context, err error) error {
	if ended := cmp.Or(ctx.Err(), f.ctx.Err()); ended != nil {
		f.drop() // it was ended with the context
		return ended
	}
	if errors.As(err, new(*goneError)) {
		return err
	}
	f.note(err)
	f.drop()
	if !f.unsure || !errors.Is(err, ErrMissing) {
		f.web.logf("%v", err)
	}
	return nil
}

// note records an error of the mirror in use.
func (f *webFile) note(err error) {
	var at *failure
	if !errors.As(err, &at) {
		at = &failure{f.conn.mirror, err}
	}
	if errors.Is(err, ErrMissing) {
		f.web.answers(at.mirror)
	}
	if errors.As(err, new(*refusal)) {
		f.refused[at.mirror] = err
		delete(f.failed, at.mirror)
		return
	}
	var l *later
	after := time.Duration(0)
	if errors.As(err, &l) {
		after = l.after
	}
	f.failed[at.mirror] = err
	f.web.rest(at.mirror, after, time.Now())
}

// progress counts what arrived. Failures begin to count anew only after some, so that a server which breaks off after
// every byte is given up.
func (f *webFile) progress(n int) {
	if f.moved += int64(n); f.moved < step && (n == 0 || f.size < 0 || f.conn == nil || f.conn.at < f.size) {
		return
	}
	f.since, f.moved = time.Now(), 0
	clear(f.failed) // who failed before is another mirror that can be asked
	if f.conn != nil {
		f.web.works(f.conn.mirror)
	}
}

// gone is the error with what each mirror said last.
func (f *webFile) gone(what string) error {
	e := &goneError{name: f.name, what: what}
	for i := range f.web.mirrors {
		for _, err := range []error{f.refused[i], f.failed[i]} {
			if err != nil {
				e.each = append(e.each, err)
			}
		}
	}
	return e
}
