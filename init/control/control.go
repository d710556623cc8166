// Package control lets verbs of `proa` send requests to PID 1: over a Unix socket, one line of JSON as the request, and
// lines as the answer. Only root is accepted (SO_PEERCRED, unix(7)). The verbs are a table that PID 1 provides. Every
// request has its own goroutine, so that none blocks PID 1's main loop.
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

// Socket is the path PID 1 listens on.
const Socket = "/run/proa/control.sock"

// Request is a verb of the table and its argument.
type Request struct {
	Verb string `json:"verb"`
	Name string `json:"name,omitempty"`
}

// Verb is one row: its name, and what it does; it reports progress in lines.
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

// Limits of one connection and of all, so that clients cannot block PID 1.
const (
	maxRequest = 4096
	atOnce     = 8
	hearWithin = 5 * time.Second
	sayWithin  = 5 * time.Second
)

// Server answers requests until its context ends.
type Server struct {
	Verbs []Verb
	Logf  func(string, ...any)
	peer  func(*net.UnixConn) (uid uint32, err error) // nil: from the kernel; tests replace it
}

// Listen replaces a socket that an earlier run left.
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

// Serve answers each connection in a goroutine. It returns when the context ends or the listener is closed.
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
		return fmt.Errorf("peer credentials: %w", err)
	case uid != 0:
		return errors.New("permission denied: only root may send requests")
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

// say ignores a client that does not read; the request continues.
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
