package sudo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/proa-os/proa/init/account"
	"golang.org/x/sys/unix"
)

// Limits, so that no client can block others.
const (
	atOnce     = 128
	hearWithin = 5 * time.Second
)

// Server answers requests. It is a process of its own: it waits for its children, and PID 1 only sees whether it runs.
type Server struct {
	Root string                                  // prefix of passwd and group, and of account.AdminsFile
	Logf func(string, ...any)                    // the audit log: one line for each command and each refusal, without arguments, which may be secrets
	peer func(*net.UnixConn) (unix.Ucred, error) // nil: from the kernel; tests replace it
}

// Listen replaces a socket that an earlier run left.
func Listen(path string) (*net.UnixListener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	if err := os.Chmod(path, 0o666); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// Serve answers each connection in a goroutine, until the context ends.
func (s Server) Serve(ctx context.Context, l *net.UnixListener) error {
	context.AfterFunc(ctx, func() { l.Close() })
	// A signal that is ignored stays so in the commands (execve(2)), where no shell could trap it. What is caught here has
	// its default there.
	signal.Notify(make(chan os.Signal, 1), unix.SIGHUP, unix.SIGINT, unix.SIGQUIT)
	places := make(chan struct{}, atOnce)
	for {
		c, err := l.AcceptUnix()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			s.Logf("accept: %v", err)
			time.Sleep(time.Second) // out of file descriptors, most likely
			continue
		}
		select {
		case places <- struct{}{}:
			go func() { defer func() { <-places }(); s.serve(c) }()
		default:
			say(c, answer{Error: "too many commands run already"})
			c.Close()
		}
	}
}

func (s Server) serve(c *net.UnixConn) {
	defer c.Close()
	defer func() {
		if p := recover(); p != nil {
			s.Logf("panic: %v\n%s", p, debug.Stack())
			say(c, answer{Error: "the service has a fault; see proa logs sudo"})
		}
	}()
	code, err := s.answer(c)
	if err != nil {
		say(c, answer{Error: err.Error()})
		return
	}
	say(c, answer{Exit: code})
}

func (s Server) answer(c *net.UnixConn) (int, error) {
	peer := s.peer
	if peer == nil {
		peer = credentials
	}
	who, err := peer(c)
	if err != nil {
		s.Logf("refused: uid %d, process %d: %v", who.Uid, who.Pid, err)
		return 0, err
	}
	name, err := admin(filepath.Join(s.Root, account.AdminsFile), who.Uid)
	if err != nil {
		s.Logf("refused: %v", err)
		return 0, err
	}
	r, files, early, err := receive(c)
	if err != nil {
		return 0, err
	}
	j, err := s.start(r, files, name, who)
	closeAll(files) // the command has them: a pipe must end with the command
	if err != nil {
		return 0, err
	}
	j.signals(early)
	go follow(c, j)
	return <-j.done, nil
}

func (s Server) start(r request, files []int, name string, who unix.Ucred) (*job, error) {
	c, err := s.prepare(r, name, who.Uid, who.Gid)
	if err == nil {
		var j *job
		if j, err = start(c, files, r.TTY); err == nil {
			s.Logf("%s (uid %d): as %s in %s: %s, %d arguments", name, who.Uid, c.who.name, c.dir, c.path, len(c.argv)-1)
			return j, nil
		}
	}
	s.Logf("%s (uid %d): as %s: refused: %v", name, who.Uid, r.User, err)
	return nil, err
}

// follow passes the client's signals on, and tells the command when the client is gone.
func follow(c *net.UnixConn, j *job) {
	buf := make([]byte, 64)
	for {
		n, err := c.Read(buf)
		j.signals(buf[:n])
		if err != nil {
			j.signal(unix.SIGHUP)
			return
		}
	}
}

// receive reads a request and the three files that come with its first byte. What follows the request are signals.
func receive(c *net.UnixConn) (r request, files []int, signals []byte, err error) {
	if err := c.SetReadDeadline(time.Now().Add(hearWithin)); err != nil {
		return r, nil, nil, err
	}
	text, files, err := readLine(c)
	line, signals, _ := bytes.Cut(text, []byte("\n"))
	switch {
	case err != nil:
	case len(files) != 3:
		err = fmt.Errorf("%d files came with the request, not 3", len(files))
	case bytes.Contains(line, []byte(`\u0000`)):
		err = errors.New("the request has a NUL")
	default:
		err = json.Unmarshal(line, &r)
	}
	if err != nil {
		closeAll(files)
		return r, nil, nil, fmt.Errorf("read request: %w", err)
	}
	return r, files, signals, c.SetReadDeadline(time.Time{})
}

// readLine reads until a line is complete. It returns the files also with an error.
func readLine(c *net.UnixConn) (text []byte, files []int, err error) {
	buf, oob := make([]byte, 32<<10), make([]byte, unix.CmsgSpace(16*4))
	for !bytes.Contains(text[max(0, len(text)-len(buf)):], []byte("\n")) {
		n, oobn, _, _, err := c.ReadMsgUnix(buf, oob)
		if err != nil {
			return text, files, err
		}
		got, err := rights(oob[:oobn])
		files, text = append(files, got...), append(text, buf[:n]...)
		switch {
		case err != nil:
			return text, files, err
		case len(text) > maxRequest:
			return text, files, fmt.Errorf("it has more than %d bytes", maxRequest)
		}
	}
	return text, files, nil
}

// rights returns the files of a message; they are closed when a command is started (ReadMsgUnix sets MSG_CMSG_CLOEXEC).
func rights(oob []byte) (files []int, err error) {
	messages, err := unix.ParseSocketControlMessage(oob)
	for _, m := range messages {
		fds, err := unix.ParseUnixRights(&m)
		if err != nil {
			return files, err
		}
		files = append(files, fds...)
	}
	return files, err
}

func closeAll(files []int) {
	for _, f := range files {
		unix.Close(f)
	}
}

// say ignores a client that is gone.
func say(c *net.UnixConn, a answer) {
	b, err := json.Marshal(a)
	if err == nil && c.SetWriteDeadline(time.Now().Add(hearWithin)) == nil {
		_, _ = c.Write(append(b, '\n'))
	}
}
