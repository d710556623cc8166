// Package notify reports the state of the runtime to the supervisor with the sd_notify protocol. Facts are in fields of
// our own (X_…, docs/contracts.md); text is for users. It uses neither the watchdog nor the file descriptor store, and
// does not block on a supervisor that does not read.
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

// Notifier sends state to one supervisor. The zero value sends nothing, but still logs. It is safe for concurrent use.
type Notifier struct {
	socket string
	now    func() time.Time // nil: time.Now

	mu   sync.Mutex
	last string // current status line
	facts
}

// Take reads NOTIFY_SOCKET and removes it from the environment: the API server and the kubelet would each send READY=1
// if they found it, long before the node is Ready.
func Take() *Notifier {
	n := &Notifier{socket: os.Getenv("NOTIFY_SOCKET")}
	os.Unsetenv("NOTIFY_SOCKET")
	return n
}

// Status reports a line about a component to users, and writes it to standard error for the log.
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
	// maxText is the maximum length of a text in bytes.
	maxText = 4096
	// maxMessage is the maximum length of a message; the supervisor reads no more.
	maxMessage = 32 << 10
)

// oneLine makes a text safe for a field: a line break would begin another field.
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

// sendWait is how long to block on a supervisor that does not read; its socket's queue has ten messages.
const sendWait = time.Second

// send sends a message and says whether it was delivered. It drops the message if nobody listens: a missing or busy
// supervisor must not block the runtime.
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
