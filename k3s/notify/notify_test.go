package notify

import (
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestStatusReachesSocketOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	t.Setenv("NOTIFY_SOCKET", path)

	n := Take()
	if _, set := os.LookupEnv("NOTIFY_SOCKET"); set {
		t.Error("NOTIFY_SOCKET is still in the environment: components would announce READY=1 themselves")
	}
	n.Status("apiserver: %s", "line one\nline two")
	n.Status("apiserver: %s", "line one\nline two")
	n.Ready()

	for _, want := range []string{"STATUS=apiserver: line one; line two", "READY=1"} {
		conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		buf := make([]byte, 256)
		size, err := conn.Read(buf)
		if err != nil {
			t.Fatalf("waiting for %q: %v", want, err)
		}
		if got := string(buf[:size]); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestNoSupervisor(t *testing.T) {
	(&Notifier{}).Ready()
	(&Notifier{socket: "/nonexistent/socket"}).Ready()
}
