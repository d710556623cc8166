package proc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// ErrLong is returned by Pipe for a program that writes more than the limit.
var ErrLong = errors.New("the output is too long")

// Pipe starts a program as the given user (nil: root), writes in to its standard input, and returns at most limit bytes
// of its output. The program is killed when the context ends or when it writes more.
func (r *Reaper) Pipe(ctx context.Context, as *syscall.SysProcAttr, argv, env []string, in []byte, limit int) ([]byte, error) {
	if as == nil {
		as = &syscall.SysProcAttr{}
	}
	files, err := pipes(2)
	if err != nil {
		return nil, err
	}
	defer closeAll(files)
	p, err := r.Start(Spec{Argv: argv, Env: env, In: files[0], Out: files[3], Cred: as.Credential, Caps: as.AmbientCaps})
	if err != nil {
		return nil, err
	}
	closeAll([]*os.File{files[0], files[3]})
	go func() { defer files[1].Close(); _, _ = files[1].Write(in) }() // a program that does not read it says why, or fails
	read := make(chan result, 1)
	go func() { read <- readAll(files[2], limit) }()
	var got result
	select {
	case got = <-read:
	case <-ctx.Done():
		got.err = ctx.Err()
	}
	if got.err != nil {
		_ = p.Signal(unix.SIGKILL) // it is not reaped before Done is read
	}
	select {
	case ws := <-p.Done:
		if got.err == nil && ws.ExitStatus() != 0 {
			got.err = &ExitError{argv[0], ws.ExitStatus(), ""}
		}
	case <-ctx.Done():
		_ = p.Signal(unix.SIGKILL)
		<-p.Done
		got.err = ctx.Err()
	}
	return got.out, got.err
}

type result struct {
	out []byte
	err error
}

func readAll(f *os.File, limit int) (r result) {
	r.out, r.err = io.ReadAll(io.LimitReader(f, int64(limit)+1))
	if r.err == nil && len(r.out) > limit {
		r.err = fmt.Errorf("%w: more than %d bytes", ErrLong, limit)
	}
	return r
}

// pipes returns the ends for reading and writing of n pipes.
func pipes(n int) (files []*os.File, err error) {
	for range n {
		rd, wr, err := os.Pipe()
		if err != nil {
			closeAll(files)
			return nil, err
		}
		files = append(files, rd, wr)
	}
	return files, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close() // a second close is no error that matters
	}
}
