// Package serve gives machines of the same site what this one has of its slots: bytes of their files, by the sha256 that
// the slot's manifest has for them, over HTTP; and answers their questions who has a release. Of a slot that is being
// written it gives what is on the medium. It keeps nothing.
//
// It refuses everybody who is not on a network that this machine is directly attached to, more than a few requests at
// once, and everything but these files. What it gives needs no trust: whoever takes it compares hashes.
package serve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/images/slotsig"
	"github.com/proa-os/proa/init/upgrade/peers/port"
	"github.com/proa-os/proa/init/upgrade/peers/question"
	"github.com/proa-os/proa/init/upgrade/transport"
)

// Path is the path of a file, before its sha256.
const Path = "/sha256/"

const (
	// most is how many requests are answered at once; others are told to come again.
	most = 4
	// mostConns is how many connections are open at once.
	mostConns = 64
	// stall is how long a receiver may take nothing.
	stall = 30 * time.Second
	// later is how often networks are looked for, and a port that is taken is tried again.
	later = 30 * time.Second
)

// Server gives what a machine has.
type Server struct {
	Slots  *Slots
	Node   question.Node
	Name   string            // for people
	Except []string          // interfaces, as lan.List has them
	Limit  *transport.Bucket // of what it gives
	Say    func(line string)

	busy chan struct{}
	nets nets
	rate rate
}

// Run serves until the context ends.
func (s *Server) Run(ctx context.Context) {
	s.busy = make(chan struct{}, most)
	var all sync.WaitGroup
	all.Go(func() { s.hear(ctx) })
	for ctx.Err() == nil {
		if err := s.give(ctx); err != nil && ctx.Err() == nil {
			s.Say(fmt.Sprintf("pieces are not given to others: %v", err))
		}
		select {
		case <-ctx.Done():
		case <-time.After(later):
		}
	}
	all.Wait()
}

// give serves files until the context ends.
func (s *Server) give(ctx context.Context) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", fmt.Sprintf(":%d", port.Pieces))
	if err != nil {
		return err
	}
	h := &http.Server{Handler: s, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 4 << 10}
	h.Protocols = new(http.Protocols)
	h.Protocols.SetHTTP1(true)
	stop := context.AfterFunc(ctx, func() { h.Close() })
	defer stop()
	return h.Serve(&listener{Listener: l, nets: &s.nets, free: make(chan struct{}, mostConns)})
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	sum, ok := strings.CutPrefix(r.URL.Path, Path)
	if !ok || !slotsig.Digest(sum) || r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.Error(w, "GET "+Path+"HEX", http.StatusBadRequest)
		return
	}
	select {
	case s.busy <- struct{}{}:
		defer func() { <-s.busy }()
	default:
		again(w)
		return
	}
	f := s.Slots.find(sum)
	asked := r.Header.Get("Range")
	switch {
	case f == nil && s.Slots.between():
		again(w)
	case f == nil:
		http.Error(w, "not here", http.StatusNotFound)
	case strings.Contains(asked, ","), asked == "" && f.have < f.size:
		http.Error(w, "one range, of what is here", http.StatusRequestedRangeNotSatisfiable)
	default:
		w.Header().Set("Content-Type", "application/octet-stream")
		http.ServeContent(w, r, "", time.Time{}, &reader{file: f, pace: s.pace(w, r)})
	}
}

func again(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "1")
	http.Error(w, "busy", http.StatusServiceUnavailable)
}

// pace holds what is given to the limit, and gives up a receiver that takes nothing.
func (s *Server) pace(w http.ResponseWriter, r *http.Request) func(int) error {
	c := http.NewResponseController(w)
	return func(n int) error {
		if err := s.Limit.Take(r.Context(), n); err != nil {
			return err
		}
		if err := c.SetWriteDeadline(time.Now().Add(stall)); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return err
		}
		return nil
	}
}

// forget drops what was read from the page cache, which the node needs for other things.
func forget(f *os.File, off, n int64) { _ = unix.Fadvise(int(f.Fd()), off, n, unix.FADV_DONTNEED) } // only advice

// listener refuses connections from elsewhere, and more than some at once.
type listener struct {
	net.Listener
	nets *nets
	free chan struct{}
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if from, ok := c.RemoteAddr().(*net.TCPAddr); ok && l.nets.near(from.AddrPort().Addr()) {
			select {
			case l.free <- struct{}{}:
				return &counted{Conn: c, done: sync.OnceFunc(func() { <-l.free })}, nil
			default:
			}
		}
		c.Close()
	}
}

// counted says when it is closed.
type counted struct {
	net.Conn
	done func()
}

// Close implements net.Conn.
func (c *counted) Close() error {
	c.done()
	return c.Conn.Close()
}
