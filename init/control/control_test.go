package control

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// serve starts a server on a socket of its own.
func serve(t *testing.T, s Server) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "run", "control.sock")
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	s.Logf = t.Logf
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); s.Serve(ctx, l) }()
	t.Cleanup(func() { stop(); <-ended })
	return path
}

func table() []Verb {
	return []Verb{
		{"greet", func(_ context.Context, name string, say func(string)) error {
			say("hello " + name)
			say("and good bye")
			return nil
		}},
		{"refuse", func(context.Context, string, func(string)) error { return errors.New("no service \"x\"") }},
		{"panic", func(context.Context, string, func(string)) error { panic("oops") }},
		{"hang", func(ctx context.Context, _ string, _ func(string)) error { <-ctx.Done(); return nil }},
	}
}

func TestAsk(t *testing.T) {
	path := serve(t, Server{Verbs: table()})
	for _, c := range []struct {
		r           Request
		lines, says string
	}{
		{Request{"greet", "k3s"}, "hello k3s|and good bye|", ""},
		{Request{"refuse", "x"}, "", "no service \"x\""},
		{Request{"panic", ""}, "", "panic: oops"},
		{Request{"nonsense", ""}, "", "this version knows greet, refuse"},
	} {
		var lines strings.Builder
		err := Ask(path, c.r, func(l string) { lines.WriteString(l + "|") })
		if lines.String() != c.lines || (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %q, %v", c.r, lines.String(), err)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if err := Ask(path+".no", Request{}, nil); !errors.Is(err, ErrNobody) {
		t.Errorf("nobody: %v", err)
	}
}

// TestOnlyRoot: the mode of the socket keeps other users out, and so do the peer credentials.
func TestOnlyRoot(t *testing.T) {
	path := serve(t, Server{Verbs: table(), peer: func(*net.UnixConn) (uint32, error) { return 1000, nil }})
	if err := Ask(path, Request{"greet", ""}, func(l string) { t.Errorf("said %q", l) }); err == nil || !strings.Contains(err.Error(), "only root") {
		t.Errorf("%v", err)
	}
	if os.Getuid() != 0 {
		return
	}
	path = serve(t, Server{Verbs: table()}) // the real peer credentials
	if err := Ask(path, Request{"greet", ""}, func(string) {}); err != nil {
		t.Error(err)
	}
}

// TestRudePeers: clients that send nothing, nonsense or too much, or hang up, do not affect others; and the number of
// waiting clients is limited.
func TestRudePeers(t *testing.T) {
	path := serve(t, Server{Verbs: table()})
	dial := func(text string) net.Conn {
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		fmt.Fprint(c, text)
		return c
	}
	dial("").Close()
	dial("{\n").Close()
	dial(strings.Repeat("x", 2*maxRequest))
	time.Sleep(100 * time.Millisecond)
	if err := Ask(path, Request{"greet", ""}, func(string) {}); err != nil {
		t.Errorf("after rude ones: %v", err)
	}
	for range atOnce {
		dial("{\"verb\":\"hang\"}\n")
	}
	var err error
	for began := time.Now(); err == nil && time.Since(began) < 10*time.Second; time.Sleep(50 * time.Millisecond) { // until all connections are accepted
		err = Ask(path, Request{"greet", ""}, func(string) {})
	}
	if err == nil || !strings.Contains(err.Error(), "busy") {
		t.Errorf("with all places taken: %v", err)
	}
}
