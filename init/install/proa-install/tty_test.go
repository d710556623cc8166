package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/init/install/screen"
)

// pair opens a pseudo terminal, pts(4): what is written to the one end is typed at the other.
func pair(t *testing.T) (user, tty *os.File) {
	t.Helper()
	user, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { user.Close() })
	withFD(user, func(fd int) {
		var n int
		if n, err = unix.IoctlGetInt(fd, unix.TIOCGPTN); err == nil {
			if err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err == nil {
				tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
			}
		}
	})
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { tty.Close() })
	return user, tty
}

// TestInterrupt: Ctrl-C ends a question, also after the terminal's echo was switched.
func TestInterrupt(t *testing.T) {
	user, tty := pair(t)
	if !terminal(tty) {
		t.Error("a terminal is none")
	}
	echo(tty)(false)
	echo(tty)(true)
	ctx, stop := context.WithCancel(t.Context())
	done := interrupt(ctx, tty)
	asked := make(chan error, 1)
	go func() { _, err := screen.Line(tty, tty, "Number: "); asked <- err }()
	select {
	case err := <-asked:
		t.Fatalf("answered by nobody: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	stop()
	select {
	case err := <-asked:
		if err == nil {
			t.Error("no error")
		}
	case <-time.After(time.Minute):
		t.Fatal("it still waits for an answer")
	}
	done()
	if _, err := user.WriteString("7\n"); err != nil {
		t.Fatal(err)
	}
	if got, err := screen.Line(tty, tty, "Number: "); err != nil || got != "7" {
		t.Errorf("the next question: %q, %v", got, err)
	}
}

// TestEcho: the terminal shows what is typed, but for secrets.
func TestEcho(t *testing.T) {
	user, tty := pair(t)
	for typed, on := range map[string]bool{"hunter2": false, "quay": true} {
		echo(tty)(on)
		if _, err := user.WriteString(typed + "\n"); err != nil {
			t.Fatal(err)
		}
		if got, err := screen.Line(tty, tty, "? "); err != nil || got != typed {
			t.Fatalf("%q, %v", got, err)
		}
		if _, err := tty.WriteString("!"); err != nil { // the last that the user sees
			t.Fatal(err)
		}
		var shown []byte
		for part := make([]byte, 100); !bytes.HasSuffix(shown, []byte("!")); {
			n, err := user.Read(part)
			if err != nil {
				t.Fatal(err)
			}
			shown = append(shown, part[:n]...)
		}
		if on != bytes.Contains(shown, []byte(typed)) {
			t.Errorf("%q is shown: %q", typed, shown)
		}
	}
}
