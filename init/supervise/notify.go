package supervise

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// maxNotify is the maximum length of a message in bytes; a longer one is dropped.
const maxNotify = 32 << 10

// drainTime is how long to read on for messages that a service sent before it ended.
const drainTime = 200 * time.Millisecond

// notifySocket is the notify socket of one run of a service.
type notifySocket struct {
	conn *net.UnixConn
	done chan struct{}
}

func (r *run) socket() string { return filepath.Join(r.sup.RunDir, r.s.Name+".notify") }

// listen opens a new socket for each run, so that messages of an earlier run are not read.
func (r *run) listen() (*notifySocket, error) {
	if err := os.MkdirAll(r.sup.RunDir, 0o755); err != nil {
		return nil, err
	}
	_ = os.Remove(r.socket()) // usually does not exist
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: r.socket(), Net: "unixgram"})
	if err != nil {
		return nil, err
	}
	if err := errors.Join(os.Chmod(r.socket(), 0o600), passCredentials(c)); err != nil {
		c.Close()
		return nil, err
	}
	e := &notifySocket{c, make(chan struct{})}
	go r.receive(e)
	return e, nil
}

// passCredentials makes the kernel add the sender's credentials to each message (unix(7), SO_PASSCRED).
func passCredentials(c *net.UnixConn) (err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	cerr := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSCRED, 1) })
	return errors.Join(cerr, err)
}

// close reads the messages that the service sent before it ended, and closes the socket.
func (e *notifySocket) close() {
	_ = e.conn.SetReadDeadline(time.Now().Add(drainTime))
	<-e.done
	e.conn.Close()
}

func (r *run) receive(e *notifySocket) {
	defer close(e.done)
	buf, oob := make([]byte, maxNotify), make([]byte, unix.CmsgSpace(unix.SizeofUcred))
	for {
		n, oobn, flags, _, err := e.conn.ReadMsgUnix(buf, oob)
		if err != nil {
			return
		}
		if flags&unix.MSG_TRUNC == 0 {
			r.accept(sender(oob[:oobn]), ParseNotify(string(buf[:n])))
		}
	}
}

// sender returns the PID of the sender, 0 if unknown or in another PID namespace.
func sender(oob []byte) int {
	list, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return 0
	}
	for i := range list {
		if cred, err := unix.ParseUnixCredentials(&list[i]); err == nil {
			return int(cred.Pid)
		}
	}
	return 0
}

// accept handles a message of the service's main process. Messages of its children, such as containers, are dropped.
func (r *run) accept(pid int, msg Message) {
	r.set(func(s *State) {
		if pid == 0 || pid != r.main {
			return
		}
		if msg.Ready {
			s.State = "ready"
		}
		if msg.Status != nil {
			s.Status = *msg.Status
		}
		for _, change := range msg.facts {
			change(&s.Facts)
		}
	})
}
