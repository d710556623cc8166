// Package control is how verbs of `proa` ask PID 1 for something while it runs: a socket, one line of JSON as the request, lines as the
// answer. Only root is answered (SO_PEERCRED, unix(7)). It refuses to do anything itself: what can be asked for is a table that PID 1
// brings, and every request has a goroutine of its own, so that nothing of it waits on PID 1's main loop.
package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Socket is where PID 1 listens.
const Socket = "/run/proa/control.sock"

// Request is what is asked for: a verb of the table, and what it is about.
type Request struct {
	Verb string `json:"verb"`
	Name string `json:"name,omitempty"`
}

// Verb is one row: what it does, saying what people should know meanwhile.
type Verb struct {
	Name string
	Run  func(ctx context.Context, name string, say func(string)) error
}

// answer is one line of the answer.
type answer struct {
	Line  string `json:"line,omitempty"`
	Done  bool   `json:"done,omitempty"`
	Error string `json:"error,omitempty"`
}

// Limits of one conversation and of all: who connects must not be able to tie PID 1 up.
const (
	maxRequest = 4096
	atOnce     = 8
	hearWithin = 5 * time.Second
	sayWithin  = 5 * time.Second
)

// Server answers until its context ends.
type Server struct {
	Verbs []Verb
	Logf  func(string, ...any)
	peer  func(*net.UnixConn) (uid uint32, err error) // nil: asks the kernel (tests bring their own)
}

// Listen takes the place of a socket that an earlier life has left.
func Listen(path string) (*net.UnixListener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// Serve answers who connects, each in a goroutine. It returns when the context ends or the listener is closed.
func (s Server) Serve(ctx context.Context, l *net.UnixListener) {
	context.AfterFunc(ctx, func() { l.Close() })
	places := make(chan struct{}, atOnce)
	for {
		c, err := l.AcceptUnix()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			s.Logf("control: %v", err)
			time.Sleep(time.Second) // out of file descriptors, most likely
			continue
		}
		select {
		case places <- struct{}{}:
			go func() { defer func() { <-places }(); s.answer(ctx, c) }()
		default:
			say(c, answer{Error: "busy with other requests; try again"})
			c.Close()
		}
	}
}

func (s Server) answer(ctx context.Context, c *net.UnixConn) {
	defer c.Close()
	defer func() {
		if p := recover(); p != nil {
			s.Logf("control: panic: %v\n%s", p, debug.Stack())
			say(c, answer{Error: fmt.Sprintf("panic: %v", p)})
		}
	}()
	if err := s.run(ctx, c); err != nil {
		say(c, answer{Error: err.Error()})
		return
	}
	say(c, answer{Done: true})
}

func (s Server) run(ctx context.Context, c *net.UnixConn) error {
	peer := s.peer
	if peer == nil {
		peer = peerOf
	}
	switch uid, err := peer(c); {
	case err != nil:
		return fmt.Errorf("who asks: %w", err)
	case uid != 0:
		return errors.New("only root may ask")
	}
	r, err := hear(c)
	if err != nil {
		return err
	}
	for _, v := range s.Verbs {
		if v.Name == r.Verb {
			return v.Run(ctx, r.Name, func(line string) { say(c, answer{Line: line}) })
		}
	}
	return fmt.Errorf("unknown request; this version knows %s", strings.Join(s.names(), ", "))
}

func (s Server) names() (out []string) {
	for _, v := range s.Verbs {
		out = append(out, v.Name)
	}
	return out
}

func hear(c *net.UnixConn) (r Request, err error) {
	if err := c.SetReadDeadline(time.Now().Add(hearWithin)); err != nil {
		return r, err
	}
	line, err := bufio.NewReader(io.LimitReader(c, maxRequest)).ReadBytes('\n')
	if err != nil {
		return r, fmt.Errorf("read request: %w", err)
	}
	if err := json.Unmarshal(line, &r); err != nil {
		return r, fmt.Errorf("read request: %w", err)
	}
	return r, nil
}

// say gives up on who does not listen; the request goes on all the same.
func say(c *net.UnixConn, a answer) {
	b, err := json.Marshal(a)
	if err == nil && c.SetWriteDeadline(time.Now().Add(sayWithin)) == nil {
		_, _ = c.Write(append(b, '\n'))
	}
}

func peerOf(c *net.UnixConn) (uid uint32, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *unix.Ucred
	var inner error
	if err := raw.Control(func(fd uintptr) { cred, inner = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); err != nil {
		return 0, err
	}
	if inner != nil {
		return 0, inner
	}
	return cred.Uid, nil
}
