package notify

import (
	"net"
	"path/filepath"
	"testing"
	"time"
)

// The socket of a supervisor that does not read queues a few messages; further ones must not block forever.
func TestSupervisorThatDoesNotRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	n, done := &Notifier{socket: path}, make(chan struct{})
	go func() {
		defer close(done)
		for began, i := time.Now(), 0; time.Since(began) < sendWait/2 && i < 1000; i++ { // until one had to wait
			n.Status("line %d", i)
		}
	}()
	select {
	case <-done:
	case <-time.After(3 * sendWait):
		t.Error("still waiting")
	}
}
