package console

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// pipe is a terminal that a test can read, or leave blocked.
func pipe(t *testing.T) (rd *os.File, c *Console) {
	t.Helper()
	rd, wr, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { rd.Close(); wr.Close() })
	return rd, &Console{sinks: []sink{start(wr, "")}}
}

// TestLines: one call writes one record; further lines of a text are indented, so that each "proa:" begins a record.
func TestLines(t *testing.T) {
	rd, c := pipe(t)
	kmsg, err := os.Create(filepath.Join(t.TempDir(), "kmsg"))
	if err != nil {
		t.Fatal(err)
	}
	c.kmsg = kmsg
	c.Logf("boot %d/%d %s\n", 3, 17, "load-modules")
	c.Logf("panic: x\nat y")
	c.Flush()
	in := bufio.NewReader(rd)
	for _, want := range []string{"proa: boot 3/17 load-modules\r\n", "proa: panic: x\n", "    at y\r\n"} {
		if got, err := in.ReadString('\n'); got != want || err != nil {
			t.Errorf("%q %v, want %q", got, err, want)
		}
	}
	text, err := os.ReadFile(kmsg.Name())
	if want := "<7>proa: boot 3/17 load-modules\n<7>proa: panic: x\n    at y\n"; string(text) != want || err != nil {
		t.Errorf("kernel log %q %v, want %q", text, err, want)
	}
}

// terminal returns the two ends of a pseudo terminal (pty(7)), the second one by name.
func terminal(t *testing.T) (master *os.File, slave string) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	t.Cleanup(func() { master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	return master, fmt.Sprintf("/dev/pts/%d", n)
}

// TestHangup: a login on the terminal ends, with which the kernel hangs it up; what is written later is printed.
func TestHangup(t *testing.T) {
	if os.Getenv("HANGUP") != "" { // as getty does, and the kernel when a login on a serial line ends: vhangup(2)
		_, _, errno := unix.Syscall(unix.SYS_VHANGUP, 0, 0, 0)
		os.Exit(int(errno))
	}
	master, slave := terminal(t)
	root := t.TempDir()
	for _, dir := range []string{"dev", "sys/class/tty/console"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(slave, filepath.Join(root, "dev/login")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "sys/class/tty/console/active"), []byte("login\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	c := &Console{Root: root}
	c.Reopen()
	login := exec.Command(os.Args[0], "-test.run=TestHangup")
	login.Env = []string{"HANGUP=1"}
	var err error
	if login.Stdin, err = os.OpenFile(slave, os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	login.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	switch err := login.Run(); {
	case login.ProcessState != nil && login.ProcessState.ExitCode() == int(unix.EPERM):
		t.Skip("this user may not hang up a terminal")
	case err != nil && login.ProcessState.Exited():
		t.Fatal(err)
	}
	c.Logf("still here")
	c.Flush()
	said := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(master).ReadString('\n')
		said <- line
	}()
	select {
	case line := <-said:
		if !strings.Contains(line, "still here") {
			t.Errorf("%q", line)
		}
	case <-time.After(10 * time.Second):
		t.Error("nothing is printed any more")
	}
}

// TestStoppedTerminal: with a terminal stopped by ctrl-S PID 1 continues, drops lines when the queue is full, and does
// not wait long at the end.
func TestStoppedTerminal(t *testing.T) {
	_, c := pipe(t)
	done := make(chan time.Duration)
	go func() {
		line := strings.Repeat("x", 1000)
		for range 5000 {
			c.Logf("%s", line)
		}
		began := time.Now()
		c.Flush()
		done <- time.Since(began)
	}()
	select {
	case took := <-done:
		if took > 3*time.Second {
			t.Errorf("Flush waited %s for a terminal that is stopped", took)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("a stopped terminal stops PID 1")
	}
}

// TestGoneTerminal: a terminal that was unplugged loses its lines, and others still get theirs.
func TestGoneTerminal(t *testing.T) {
	gone, c := pipe(t)
	gone.Close()
	rd, wr, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer rd.Close()
	defer wr.Close()
	c.sinks = append(c.sinks, start(wr, ""))
	c.Logf("still here")
	if got, err := bufio.NewReader(rd).ReadString('\n'); got != "proa: still here\r\n" {
		t.Errorf("%q %v", got, err)
	}
}

// TestNoTerminal: before /dev is mounted there is none.
func TestNoTerminal(t *testing.T) {
	c := &Console{}
	c.Logf("nobody hears")
	c.Flush()
}
