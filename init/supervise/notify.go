package supervise

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// maxNotify is how long a message may be, in bytes; a longer one is dropped whole.
const maxNotify = 32 << 10

// lastWords is how long messages are waited for that a service sent before it ended.
const lastWords = 200 * time.Millisecond

// ear is the notify socket of one run.
type ear struct {
	conn *net.UnixConn
	done chan struct{}
}

func (r *run) socket() string { return filepath.Join(r.sup.RunDir, r.s.Name+".notify") }

// listen opens a fresh socket for each run, so that words of an earlier life are not heard.
func (r *run) listen() (*ear, error) {
	if err := os.MkdirAll(r.sup.RunDir, 0o755); err != nil {
		return nil, err
	}
	_ = os.Remove(r.socket()) // usually not there
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: r.socket(), Net: "unixgram"})
	if err != nil {
		return nil, err
	}
	if err := errors.Join(os.Chmod(r.socket(), 0o600), passCredentials(c)); err != nil {
		c.Close()
		return nil, err
	}
	e := &ear{c, make(chan struct{})}
	go r.hear(e)
	return e, nil
}

// passCredentials has the kernel say who sent each message (unix(7), SO_PASSCRED).
func passCredentials(c *net.UnixConn) (err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	cerr := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSCRED, 1) })
	return errors.Join(cerr, err)
}

// close reads what the service said before it ended, and then no more.
func (e *ear) close() {
	_ = e.conn.SetReadDeadline(time.Now().Add(lastWords))
	<-e.done
	e.conn.Close()
}

func (r *run) hear(e *ear) {
	defer close(e.done)
	buf, oob := make([]byte, maxNotify), make([]byte, unix.CmsgSpace(unix.SizeofUcred))
	for {
		n, oobn, flags, _, err := e.conn.ReadMsgUnix(buf, oob)
		if err != nil {
			return
		}
		if flags&unix.MSG_TRUNC == 0 {
			r.heard(sender(oob[:oobn]), ParseNotify(string(buf[:n])))
		}
	}
}

// sender is the process that sent a message, 0 if the kernel does not say, or if it lives in another PID namespace.
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

// heard takes a message of the service's main process; a child of it, a container say, speaks for nobody.
func (r *run) heard(pid int, msg Message) {
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
