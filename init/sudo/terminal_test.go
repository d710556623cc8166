package sudo

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// screen is an administrator's terminal with a client on it.
type screen struct {
	*rig
	master, slave *os.File
	mu            sync.Mutex
	text          string
	ended         chan int
}

// on starts a client on a terminal with 30 rows and 100 columns.
func (r *rig) on(args ...string) *screen {
	r.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	must(r.T, err)
	must(r.T, unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	must(r.T, err)
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	must(r.T, err)
	r.Cleanup(func() { master.Close(); slave.Close() })
	s := &screen{rig: r, master: master, slave: slave, ended: make(chan int, 1)}
	s.size(30, 100)
	cmd := r.as(ada, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Credential: &syscall.Credential{Uid: ada, Gid: ada}}
	must(r.T, cmd.Start())
	go s.read()
	go func() { _ = cmd.Wait(); s.ended <- cmd.ProcessState.ExitCode() }()
	return s
}

func (s *screen) size(rows, columns uint16) {
	must(s.T, unix.IoctlSetWinsize(int(s.master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: columns}))
}

func (s *screen) read() {
	buf := make([]byte, 32<<10)
	for {
		n, err := s.master.Read(buf)
		s.mu.Lock()
		s.text += string(buf[:n])
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (s *screen) shows(want string) {
	s.Helper()
	s.await(fmt.Sprintf("%q on the screen", want), func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return strings.Contains(s.text, want)
	})
}

func (s *screen) types(keys string) {
	s.Helper()
	_, err := s.master.WriteString(keys)
	must(s.T, err)
}

func (s *screen) exits(want int) {
	s.Helper()
	select {
	case got := <-s.ended:
		if got != want {
			s.Errorf("exit code %d, want %d; the screen has\n%s", got, want, s.text)
		}
	case <-time.After(time.Minute):
		s.Fatalf("does not end; the screen has\n%s", s.text)
	}
}

func (s *screen) settings() unix.Termios {
	t, err := unix.IoctlGetTermios(int(s.slave.Fd()), unix.TCGETS)
	must(s.T, err)
	return *t
}

// TestShellOnTerminal: a shell has a terminal of the client's size, follows a new size, has job control and gets Ctrl-C
// itself; afterwards the client's terminal has its settings back.
func TestShellOnTerminal(t *testing.T) {
	r := newRig(t)
	s := r.on("PS1=ready-", "-s")
	before := s.settings()
	s.shows("ready-")
	s.types("stty size; id -u\r")
	s.shows("30 100\r\n0\r\n")
	s.types("tty\r")
	s.shows("/dev/pts/")
	s.size(50, 120)
	s.types("sleep 0.5; stty size\r")
	s.shows("50 120")
	s.types("echo sle''eping; sleep 100\r")
	s.shows("sleeping\r\n")
	s.types("\x03")
	s.types("echo af''ter $?\r")
	s.shows("after 130")
	if strings.Contains(s.text, "job control turned off") {
		t.Errorf("the shell has no terminal of its own:\n%s", s.text)
	}
	s.types("exit 6\r")
	s.exits(6)
	if now := s.settings(); now.Lflag != before.Lflag || now.Iflag != before.Iflag || now.Oflag != before.Oflag {
		t.Errorf("settings before %+v, after %+v", before, now)
	}
}

// TestInterrupt: Ctrl-C reaches a command without a shell, and its exit code the client.
func TestInterrupt(t *testing.T) {
	r := newRig(t)
	s := r.on("sh", "-c", `trap "echo caught; exit 5" INT; echo go; while :; do sleep 0.1; done`)
	s.shows("go\r\n")
	s.types("\x03")
	s.exits(5)
	s.shows("caught")
	s = r.on("sleep", "100")
	time.Sleep(300 * time.Millisecond)
	s.types("\x03")
	s.exits(130)
}

// TestNotTheClientsTerminal: the command's terminal is another one than the client's, which it could type into (TIOCSTI).
func TestNotTheClientsTerminal(t *testing.T) {
	r := newRig(t)
	s := r.on("sh", "-c", "echo at-$(tty)-")
	s.shows("-\r\n")
	s.exits(0)
	if name, _ := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", s.slave.Fd())); !strings.Contains(s.text, "at-/dev/pts/") || strings.Contains(s.text, "at-"+name+"-") {
		t.Errorf("client at %s: %s", name, s.text)
	}
}

// TestAllOutput: output that comes just before the end is shown, also if a process in the background keeps the terminal.
func TestAllOutput(t *testing.T) {
	r := newRig(t)
	s := r.on("sh", "-c", "sleep 5 & seq 1 30000")
	s.exits(0)
	s.shows("\r\n29999\r\n30000\r\n")
}
