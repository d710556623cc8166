package service

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/config"
)

// TestConsoleLoginRows: there is a login on each console if an account has a password, and none otherwise.
func TestConsoleLoginRows(t *testing.T) {
	for doc, want := range map[string][]string{
		"":                                    nil,
		"users: [{name: ada}]":                nil,
		"users: [{name: ada, password: '!'}]": nil,
		"users: [{name: ada, password: a b}]": {"login-tty1 linux", "login-ttyS0 vt220", "login-hvc0 vt220"},
		"users: [{name: root, password: $6$a$b}]": {"login-tty1 linux", "login-ttyS0 vt220", "login-hvc0 vt220"},
	} {
		c, problems := config.Parse("c", []byte(doc))
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		var got []string
		for _, row := range Table(Facts{Config: c, Consoles: []string{"tty0", "ttyS0", "hvc0"}}) {
			if strings.HasPrefix(row.Name, consoleLogin) {
				got = append(got, row.Name+" "+row.Argv[len(row.Argv)-1])
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q", doc, got)
		}
	}
}

// TestConsoleLogin: busybox's getty and login, which the image has, let an account in with its password, if its hash is of
// a kind that they know; account.Make tells the user of the others.
func TestConsoleLogin(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("accounts are root's to make")
	}
	if _, err := exec.LookPath("busybox"); err != nil {
		t.Skip("busybox is not installed")
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestConsoleLoginInside$", "-test.v")
	cmd.Env = append(os.Environ(), inside+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS}
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: TestConsoleLoginInside")) {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestConsoleLoginInside(t *testing.T) {
	if os.Getenv(inside) == "" {
		t.Skip("TestConsoleLogin runs it")
	}
	stage(t)
	h := house{T: t}
	h.apply(`{ssh: {passwords: true}, users: [{name: ada, password: fair winds}, {name: eva, ssh_authorized_keys: []}, {name: root, password: the captain},
		{name: one, password: $1$abcd$SwRG.yy0q6pJ8rg/8TwLf.}, {name: five, password: $5$abcd$oJn9Si3gzldVsy0.xEA52h89DIAUiW8H2QPfr2NxmnB},
		{name: six, password: $6$rounds=1000$abcd$YzKDp2z/HLq4p6De4aO4b.bIQmNSQeNy4v40I2G8Gk4eqRCIpWAYoHZtogd4VuVwdn1E7C2xHrVt8ZovraLdC1},
		{name: blowfish, password: $2b$05$abcdefghijklmnopqrstuuhKF09ZYWwH2zP/0fwE1X8e/Q1YNx/hO}, {name: yescrypt, password: $y$j9T$abcdefgh$9WNEpu8Mx2S4KNGvbVWKM6clOSoY6.YEl7AYF4DGV04}]}`)
	for _, c := range []struct {
		name, password string
		lets           bool
	}{
		{"ada", "fair winds", true}, {"root", "the captain", true}, {"ada", "foul winds", false}, {"ada", "", false},
		{"one", "x", true}, {"five", "x", true}, {"six", "x", true}, {"blowfish", "x", false}, {"yescrypt", "x", false}, {"eva", "x", false},
	} {
		began := time.Now()
		if got, text := loginOn(t, c.name, c.password); got != c.lets || time.Since(began) > 20*time.Second {
			t.Errorf("%s with %q: let in %v\n%s", c.name, c.password, got, text)
		}
	}
}

// loginOn runs a console's service on a pseudo-terminal and logs in.
func loginOn(t *testing.T, name, password string) (in bool, text string) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil || unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0) != nil {
		t.Fatal(err)
	}
	row := consoleLogins([]string{fmt.Sprintf("pts/%d", n)})[0]
	cmd := exec.Command("busybox", append([]string{"getty", "-l", "/run/login"}, row.Argv[1:]...)...)
	if err := os.WriteFile("/run/login", []byte("#!/bin/sh\nexec busybox login \"$@\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	var mu sync.Mutex
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			mu.Lock()
			text += string(buf[:n])
			mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	shows := func(any ...string) string {
		for began := time.Now(); time.Since(began) < 30*time.Second; time.Sleep(50 * time.Millisecond) {
			mu.Lock()
			for _, a := range any {
				if strings.Contains(text, a) {
					mu.Unlock()
					return a
				}
			}
			mu.Unlock()
		}
		return ""
	}
	shows("login:")
	fmt.Fprintf(master, "%s\n", name)
	shows("assword:")
	fmt.Fprintf(master, "%s\necho I am $(id -un), $((40 + 2))\n", password)
	found := shows("I am "+name+", 42", "incorrect", "bad salt")
	mu.Lock()
	defer mu.Unlock()
	return strings.HasPrefix(found, "I am"), text
}
