package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// interrupt makes the end of ctx, by Ctrl-C, end a question: a read that waits for an answer returns an error, until done is
// called. The file must be one that os.OpenFile opened; standard input has no deadlines.
func interrupt(ctx context.Context, tty *os.File) (done func()) {
	over := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(over)
		_ = tty.SetReadDeadline(time.Now()) // a file without deadlines: the question stays until it is answered
	})
	return func() {
		if !stop() {
			<-over
		}
		_ = tty.SetReadDeadline(time.Time{}) // as above
	}
}

// echo switches whether a terminal shows what is typed (termios(3)).
func echo(tty *os.File) func(on bool) {
	return func(on bool) {
		withFD(tty, func(fd int) {
			state, err := unix.IoctlGetTermios(fd, unix.TCGETS)
			if err != nil {
				return // what is typed is shown
			}
			if state.Lflag &^= unix.ECHO; on {
				state.Lflag |= unix.ECHO
			}
			_ = unix.IoctlSetTermios(fd, unix.TCSETS, state) // as above
		})
	}
}

func terminal(f *os.File) (is bool) {
	withFD(f, func(fd int) {
		_, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		is = err == nil
	})
	return is
}

// withFD uses a file's descriptor. After os.File.Fd the file would have no deadlines any more.
func withFD(f *os.File, use func(fd int)) {
	if c, err := f.SyscallConn(); err == nil {
		_ = c.Control(func(fd uintptr) { use(int(fd)) }) // fails for a closed file only
	}
}

// consoles shows lines on the machine's consoles, where nobody may be: what cannot be shown is in the log.
type consoles struct{}

func (consoles) Write(b []byte) (int, error) {
	f, err := os.OpenFile("/dev/console", os.O_WRONLY|unix.O_NOCTTY, 0)
	if err != nil {
		return len(b), nil
	}
	defer f.Close() // as above
	for line := range strings.Lines(string(b)) {
		fmt.Fprintf(f, "proa: install: %s\r\n", strings.TrimRight(line, "\r\n"))
	}
	return len(b), nil
}
