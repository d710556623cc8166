// Package proc starts processes and reaps them: its own children and the orphans that PID 1 inherits. There is a single
// waiter, because two would steal each other's exit codes; so nothing else in this program may use os/exec. It does not
// know services.
package proc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Spec describes a process to start.
type Spec struct {
	Argv     []string
	Env      []string
	In       *os.File // stdin; nil: /dev/null
	Out      *os.File // stdout and stderr; nil: /dev/null
	CgroupFD int      // 0: the parent's cgroup
	Cred     *syscall.Credential
	Caps     []uintptr // capabilities that it keeps although it is not root
}

// Reaper is the single waiter.
type Reaper struct {
	mu      sync.Mutex
	waiting map[int]chan unix.WaitStatus
	orphans int
}

// New starts reaping. It ends with the context, in tests only.
func New(ctx context.Context) *Reaper {
	r := &Reaper{waiting: map[int]chan unix.WaitStatus{}}
	sig := make(chan os.Signal, 16)
	signal.Notify(sig, unix.SIGCHLD)
	go func() {
		defer signal.Stop(sig)
		tick := time.NewTicker(5 * time.Second) // SIGCHLD does not queue: poll in case one was lost
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-sig:
			case <-tick.C:
			}
			r.collect()
		}
	}()
	return r
}

func (r *Reaper) collect() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		var ws unix.WaitStatus
		pid, err := unix.Wait4(-1, &ws, unix.WNOHANG, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		if ch, ours := r.waiting[pid]; ours {
			delete(r.waiting, pid)
			ch <- ws
		} else {
			r.orphans++
		}
	}
}

// Proc is a running child.
type Proc struct {
	Pid  int
	Done <-chan unix.WaitStatus // receives one value
}

// Signal sends a signal; it fails if the process has ended.
func (p *Proc) Signal(s unix.Signal) error { return unix.Kill(p.Pid, s) }

// SignalGroup sends a signal to the process group of a child, which Start makes its leader.
func (p *Proc) SignalGroup(s unix.Signal) error { return unix.Kill(-p.Pid, s) }

// Start holds the lock from fork to registration, so that a child that exits at once is registered before it is reaped.
func (r *Reaper) Start(s Spec) (*Proc, error) {
	path, err := lookPath(s.Argv[0])
	if err != nil {
		return nil, err
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	in, out := s.In, s.Out
	if in == nil {
		in = null
	}
	if out == nil {
		out = null
	}
	attr := &syscall.ProcAttr{Dir: "/", Env: s.Env, Files: []uintptr{in.Fd(), out.Fd(), out.Fd()},
		Sys: &syscall.SysProcAttr{Setsid: true, Credential: s.Cred, AmbientCaps: s.Caps}}
	if s.CgroupFD > 0 {
		attr.Sys.UseCgroupFD, attr.Sys.CgroupFD = true, s.CgroupFD
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	pid, err := syscall.ForkExec(path, s.Argv, attr)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	done := make(chan unix.WaitStatus, 1)
	r.waiting[pid] = done
	return &Proc{Pid: pid, Done: done}, nil
}

// Env returns the environment of all children.
func Env() []string {
	return []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8", "SHELL=/bin/sh"}
}

func lookPath(name string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	for _, dir := range []string{"/usr/sbin", "/usr/bin", "/sbin", "/bin"} {
		if st, err := os.Stat(dir + "/" + name); err == nil && st.Mode()&0o111 != 0 {
			return dir + "/" + name, nil
		}
	}
	return "", fmt.Errorf("%s: %w", name, os.ErrNotExist)
}

// Run starts a program, waits for it and returns its output. The error has the last lines of the output and the exit
// code.
func (r *Reaper) Run(ctx context.Context, argv ...string) (string, error) {
	rd, wr, err := os.Pipe()
	if err != nil {
		return "", err
	}
	defer rd.Close()
	p, err := r.Start(Spec{Argv: argv, Env: Env(), Out: wr})
	wr.Close()
	if err != nil {
		return "", err
	}
	said := make(chan string, 1)
	go func() { said <- readTail(rd) }()
	var ws unix.WaitStatus
	select {
	case ws = <-p.Done:
	case <-ctx.Done():
		_ = p.Signal(unix.SIGKILL)
		<-p.Done
		return "", fmt.Errorf("%s: %w", argv[0], ctx.Err())
	}
	out := last(said, rd)
	if code := ws.ExitStatus(); code != 0 {
		return out, &ExitError{argv[0], code, LastLine(out)}
	}
	return out, nil
}

// last waits for the end of the output, but not for background processes that keep the pipe open.
func last(said <-chan string, rd *os.File) string {
	select {
	case out := <-said:
		return out
	case <-time.After(time.Second):
		rd.Close()
		return <-said
	}
}

// ExitError is returned for an exit code other than 0 (-1: killed by a signal).
type ExitError struct {
	Name string
	Code int
	Said string
}

func (e *ExitError) Error() string {
	return fmt.Sprintf("%s: exit code %d: %s", e.Name, e.Code, e.Said)
}

// Code returns the exit code in err, 0 for nil, -1 if there is none.
func Code(err error) int {
	var e *ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &e):
		return e.Code
	}
	return -1
}

const maxOutput = 64 << 10

func readTail(f *os.File) string {
	var all []byte
	buf := make([]byte, 4096)
	for {
		n, err := f.Read(buf)
		all = append(all, buf[:n]...)
		if len(all) > 2*maxOutput {
			all = all[len(all)-maxOutput:]
		}
		if err != nil {
			return string(all)
		}
	}
}

// LastLine returns the last line of what a program has printed: most say there why they failed.
func LastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}
