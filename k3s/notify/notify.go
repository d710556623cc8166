// Package notify tells the supervisor how the runtime is doing, over the sd_notify protocol. Facts travel in fields of our own
// (X_…, docs/contracts.md), text is for people. It uses no watchdog and no file descriptor store, and it refuses to wait for a
// supervisor that does not read.
package notify

import (
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"
	"unicode"
)

// Notifier sends state to one supervisor. The zero value sends nothing, but still logs. It may be used by several at once.
type Notifier struct {
	socket string
	now    func() time.Time // nil: time.Now

	mu   sync.Mutex
	last string // status line
	facts
}

// Take reads NOTIFY_SOCKET and removes it from the environment: the API server and the kubelet each announce
// READY=1 on their own when they find it, long before the node is Ready.
func Take() *Notifier {
	n := &Notifier{socket: os.Getenv("NOTIFY_SOCKET")}
	os.Unsetenv("NOTIFY_SOCKET")
	return n
}

// Status reports one line about a component to people, and writes it to standard error for the log.
func (n *Notifier) Status(format string, args ...any) {
	line := oneLine(fmt.Sprintf(format, args...), maxText)
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

// Failed reports why the process is about to end: "component: cause".
func (n *Notifier) Failed(format string, args ...any) {
	cause := oneLine(fmt.Sprintf(format, args...), maxText)
	fmt.Fprintln(os.Stderr, "k3s: failed:", cause)
	n.send("STATUS=failed: " + cause + "\nX_FAILED=" + cause)
}

// Ready reports that the node is Ready for the first time.
func (n *Notifier) Ready() { n.send("READY=1") }

const (
	// maxText is how many bytes of a text are sent.
	maxText = 4096
	// maxMessage is what a message has at most; the supervisor reads no more.
	maxMessage = 32 << 10
)

// oneLine makes a text fit for a field: a line end would begin another one.
func oneLine(text string, limit int) string {
	text = strings.ReplaceAll(strings.TrimSpace(text), "\n", "; ")
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit-len("…")], "") + "…"
}

// sendWait is how long a supervisor that does not read may hold us up; its socket's queue takes ten messages.
const sendWait = time.Second

// send drops the message when nobody listens, and says whether somebody did: a missing or busy supervisor must not stop the runtime.
func (n *Notifier) send(state string) bool {
	if n.socket == "" {
		return false
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: n.socket, Net: "unixgram"})
	if err != nil {
		return false
	}
	defer conn.Close()
	_ = conn.SetWriteDeadline(time.Now().Add(sendWait))
	_, err = conn.Write([]byte(state))
	return err == nil
}
