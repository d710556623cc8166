package join

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/k3s/flags"
	"github.com/proa-os/proa/k3s/notify"
	"github.com/proa-os/proa/k3s/token"
)

// supervisor listens like init.
func supervisor(t *testing.T) (n *notify.Notifier, next func() string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	return notify.Take(), func() string {
		buffer := make([]byte, 4096)
		_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		size, err := conn.Read(buffer)
		if err != nil {
			t.Fatal(err)
		}
		return string(buffer[:size])
	}
}

func TestUnreachableServerIsNamedWithItsCause(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "https://" + l.Addr().String()
	l.Close()
	n, next := supervisor(t)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Run(ctx, &flags.Config{Server: url, Token: "secret"}, n) }()
	got := next()
	cancel()
	if !strings.HasPrefix(got, "STATUS=agent: server "+url+": ") || !strings.Contains(got, "connection refused") {
		t.Errorf("got %q", got)
	}
	if strings.Contains(got, "secret") {
		t.Error("the token is shown")
	}
	if err := <-done; err != nil {
		t.Errorf("stopped with %v", err)
	}
}

func TestBadServerAndTokenAreFinal(t *testing.T) {
	for _, c := range []*flags.Config{{Token: "x"}, {Server: "http://a:6443", Token: "x"}, {Server: "https://a:6443"}} {
		n, next := supervisor(t)
		err := Run(context.Background(), c, n)
		if got := next(); err == nil || got != fmt.Sprintf("STATUS=failed: agent: %v\nX_FAILED=agent: %[1]v", err) {
			t.Errorf("%+v: %v, %q", c.Server, err, got)
		}
	}
}

func TestServerOfAnotherClusterIsRefused(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/cacerts" {
			_, _ = w.Write([]byte("authority"))
		}
	}))
	defer s.Close()
	other, err := token.Parse("K10" + strings.Repeat("a", 64) + "::server:x")
	if err != nil {
		t.Fatal(err)
	}
	if err := attempt(context.Background(), s.URL, other); err == nil || errors.Is(err, errUnsupported) {
		t.Errorf("another authority was accepted: %v", err)
	}
	if err := attempt(context.Background(), s.URL, token.Token{Password: "x"}); !errors.Is(err, errUnsupported) {
		t.Errorf("the server was not recognised: %v", err)
	}
}
