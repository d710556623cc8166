// Package notify tells the supervisor how the runtime is doing, over the sd_notify protocol.
// It sends STATUS= and READY=1 and nothing else: no watchdog, no file descriptor store.
package notify

import (
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"
)

// Notifier sends state lines to one supervisor. The zero value sends nothing.
type Notifier struct {
	socket string
	mu     sync.Mutex
	last   string
}

// Take reads NOTIFY_SOCKET and removes it from the environment: the API server and the kubelet each announce
// READY=1 on their own when they find it, long before the node is Ready.
func Take() *Notifier {
	n := &Notifier{socket: os.Getenv("NOTIFY_SOCKET")}
	os.Unsetenv("NOTIFY_SOCKET")
	return n
}

// Status reports one line about a component, and writes it to standard error for the log.
func (n *Notifier) Status(format string, args ...any) {
	line := strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", "; ")
	n.mu.Lock()
	same := n.last == line
	n.last = line
	n.mu.Unlock()
	if same {
		return
	}
	fmt.Fprintln(os.Stderr, "k3s:", line)
	n.send("STATUS=" + line)
}

// Ready reports that the node is Ready.
func (n *Notifier) Ready() { n.send("READY=1") }

// sendWait is how long a supervisor that does not read may hold us up; its socket's queue takes ten messages.
const sendWait = time.Second

// send drops the message when nobody listens: a missing or busy supervisor must not stop the runtime.
func (n *Notifier) send(state string) {
	if n.socket == "" {
		return
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: n.socket, Net: "unixgram"})
	if err != nil {
		return
	}
	defer conn.Close()
	_ = conn.SetWriteDeadline(time.Now().Add(sendWait))
	_, _ = conn.Write([]byte(state))
}
