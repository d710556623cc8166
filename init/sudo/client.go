package sudo

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// Client is the command sudo.
type Client struct {
	Socket       string // empty: Socket
	Version      string
	In, Out, Err *os.File
}

// Main returns the exit code: that of the command, 128 and its number for a signal that ended the command, or 1 if there
// was none.
func (c Client) Main(args []string) int {
	call, err := parse(args)
	switch {
	case err != nil:
		fmt.Fprintln(c.Err, "sudo:", err)
		return usageExit
	case call.help:
		fmt.Fprint(c.Out, Usage)
		return 0
	case call.version:
		fmt.Fprintln(c.Out, "sudo of proa", c.Version)
		return 0
	}
	code, err := c.run(call.request)
	if err != nil {
		fmt.Fprintln(c.Err, "sudo:", err)
		return usageExit
	}
	return code
}

func (c Client) run(r request) (int, error) {
	if r.Shell == "s" {
		r.Shell = os.Getenv("SHELL")
		if r.Shell == "" {
			r.Shell = "/bin/sh"
		}
	}
	var err error
	if r.Dir, err = os.Getwd(); err != nil {
		r.Dir = "/" // it was removed
	}
	r.Env = os.Environ()
	conn, err := c.dial()
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	t, err := c.terminal()
	if err != nil {
		return 0, err
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGUSR1, unix.SIGUSR2, unix.SIGTERM, unix.SIGWINCH)
	r.TTY = t != nil
	if err := send(conn, r, c.files(t)); err != nil {
		return 0, err
	}
	if t != nil {
		if err := t.connect(); err != nil {
			return 0, err
		}
		defer t.restore()
		defer t.drain()
	}
	go pass(conn, signals, t)
	return hear(conn)
}

func (c Client) dial() (*net.UnixConn, error) {
	path := c.Socket
	if path == "" {
		path = Socket
	}
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("this machine has no administrators besides root (users, admin: true), or the service sudo does not run: %w", err)
	}
	return conn, nil
}

// terminal returns a terminal for the command, or nil if it gets the client's files: in a pipe, and in the background.
func (c Client) terminal() (*terminal, error) {
	if !isTerminal(c.In) || !isTerminal(c.Out) || !foreground(c.In) {
		return nil, nil
	}
	return openTerminal(c.In, c.Out)
}

func (c Client) files(t *terminal) []*os.File {
	if t == nil {
		return []*os.File{c.In, c.Out, c.Err}
	}
	if isTerminal(c.Err) {
		return []*os.File{t.slave, t.slave, t.slave}
	}
	return []*os.File{t.slave, t.slave, c.Err}
}

func send(conn *net.UnixConn, r request, files []*os.File) error {
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	line = append(line, '\n')
	if len(line) > maxRequest {
		return fmt.Errorf("arguments and environment take %d bytes, at most %d are possible", len(line), maxRequest)
	}
	var fds []int
	for _, f := range files {
		fds = append(fds, int(f.Fd()))
	}
	n, _, err := conn.WriteMsgUnix(line, unix.UnixRights(fds...), nil)
	if err == nil {
		_, err = conn.Write(line[n:])
	}
	if errors.Is(err, unix.EPIPE) {
		err = nil // the service has refused before it read all; it says why
	}
	return err
}

// pass passes signals on. A new size of the terminal is set here if the command has a terminal of its own.
func pass(conn *net.UnixConn, signals <-chan os.Signal, t *terminal) {
	for s := range signals {
		if s == unix.SIGWINCH && t != nil {
			t.resize()
			continue
		}
		if n, ok := s.(syscall.Signal); ok {
			_, _ = conn.Write([]byte{byte(n)}) // the command has ended: so does this process
		}
	}
}

func hear(conn *net.UnixConn) (int, error) {
	line, err := bufio.NewReader(conn).ReadBytes('\n')
	if errors.Is(err, io.EOF) || errors.Is(err, unix.ECONNRESET) {
		return 0, errors.New("the service sudo has ended; see proa logs sudo")
	}
	if err != nil {
		return 0, err
	}
	var a answer
	if err := json.Unmarshal(line, &a); err != nil {
		return 0, fmt.Errorf("answer of the service: %w", err)
	}
	if a.Error != "" {
		return 0, errors.New(a.Error)
	}
	return a.Exit, nil
}
