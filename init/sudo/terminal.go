package sudo

import (
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// terminal connects a pseudo-terminal with the client's terminal.
type terminal struct {
	master, slave *os.File
	from, to      *os.File      // the client's
	before        unix.Termios  // settings of the client's terminal
	copied        atomic.Int64  // bytes of output
	ended         chan struct{} // all output was copied
}

func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// foreground says whether this process may change the terminal: not if it runs in a shell's background.
func foreground(f *os.File) bool {
	group, err := unix.IoctlGetInt(int(f.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

// openTerminal makes a pseudo-terminal with the settings and the size of the client's (pty(7)).
func openTerminal(from, to *os.File) (*terminal, error) {
	before, err := unix.IoctlGetTermios(int(from.Fd()), unix.TCGETS)
	if err != nil {
		return nil, err
	}
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	t := &terminal{master: master, from: from, to: to, before: *before, ended: make(chan struct{})}
	if err := t.openSlave(); err != nil {
		master.Close()
		return nil, err
	}
	t.resize()
	return t, nil
}

func (t *terminal) openSlave() error {
	fd := int(t.master.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		return fmt.Errorf("unlock terminal: %w", err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		return fmt.Errorf("terminal number: %w", err)
	}
	if t.slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0); err != nil {
		return err
	}
	return unix.IoctlSetTermios(int(t.slave.Fd()), unix.TCSETS, &t.before)
}

// resize gives the command the size of the client's terminal; the kernel tells the command by SIGWINCH.
func (t *terminal) resize() {
	if size, err := unix.IoctlGetWinsize(int(t.to.Fd()), unix.TIOCGWINSZ); err == nil {
		_ = unix.IoctlSetWinsize(int(t.master.Fd()), unix.TIOCSWINSZ, size) // the old size is no reason to end
	}
}

// connect makes the client's terminal raw, so that keys such as Ctrl-C reach the command, and copies both ways.
func (t *terminal) connect() error {
	raw := t.before
	raw.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	raw.Oflag &^= unix.OPOST
	raw.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	raw.Cflag = raw.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8
	raw.Cc[unix.VMIN], raw.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(int(t.from.Fd()), unix.TCSETSW, &raw); err != nil {
		return fmt.Errorf("terminal: %w", err)
	}
	t.slave.Close() // the command has it now; output ends when nobody else has
	go func() { _, _ = io.Copy(t.master, t.from) }()
	go func() {
		defer close(t.ended)
		_, _ = io.Copy(counter{t.to, &t.copied}, t.master) // EIO: no process has the other end
	}()
	return nil
}

// drain waits until the rest of the output was copied. Processes in the background may keep the terminal open for ever,
// so it is enough that nothing has come for a while.
func (t *terminal) drain() {
	for before := int64(-1); ; {
		select {
		case <-t.ended:
			return
		case <-time.After(200 * time.Millisecond):
		}
		now := t.copied.Load()
		if now == before {
			return
		}
		before = now
	}
}

// restore gives the client's terminal its settings back.
func (t *terminal) restore() {
	_ = unix.IoctlSetTermios(int(t.from.Fd()), unix.TCSETSW, &t.before) // there is nothing else to try
}

type counter struct {
	w io.Writer
	n *atomic.Int64
}

func (c counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n.Add(int64(n))
	return n, err
}
