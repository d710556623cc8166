package sudo

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// job is a running command. Its process leads a session and a process group of its own.
type job struct {
	mu   sync.Mutex
	pid  int // 0: it has ended
	done chan int
}

// start starts a command with the three files. The terminal becomes that of its session.
func start(c command, files []int, tty bool) (*job, error) {
	attr := &syscall.ProcAttr{Env: c.env, Files: []uintptr{uintptr(files[0]), uintptr(files[1]), uintptr(files[2])},
		Sys: &syscall.SysProcAttr{Setsid: true, Setctty: tty, Credential: &syscall.Credential{Uid: c.who.uid, Gid: c.who.gid, Groups: c.who.groups}}}
	pid, err := forkIn(c.dir, c.path, c.argv, attr)
	switch {
	case errors.Is(err, unix.ENOEXEC):
		return nil, fmt.Errorf("%s: not a program of this machine, and no script with #!", c.path)
	case err != nil:
		return nil, fmt.Errorf("%s (in %s): %w", c.path, c.dir, err)
	}
	j := &job{pid: pid, done: make(chan int, 1)}
	go j.wait()
	return j, nil
}

// forkIn starts a process in a directory that the user of the process may have no right to enter: an administrator's home
// for sudo -u, as it is inherited elsewhere. The thread that enters it has a directory of its own, and ends afterwards.
func forkIn(dir, path string, argv []string, attr *syscall.ProcAttr) (pid int, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // without an Unlock, the thread ends with the goroutine
		if err = unix.Unshare(unix.CLONE_FS); err == nil {
			err = unix.Chdir(dir)
		}
		if err == nil {
			pid, err = syscall.ForkExec(path, argv, attr)
		}
	}()
	<-done
	return pid, err
}

// wait reaps the process only when no signal is on its way to it, because its number may be given to another one then.
func (j *job) wait() {
	for {
		if err := unix.Waitid(unix.P_PID, j.pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err != unix.EINTR {
			break
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	var ws unix.WaitStatus
	for {
		if _, err := unix.Wait4(j.pid, &ws, 0, nil); err != unix.EINTR {
			break
		}
	}
	j.pid = 0
	code := ws.ExitStatus()
	if ws.Signaled() {
		code = 128 + int(ws.Signal())
	}
	j.done <- code
}

// signal sends a signal to the command and its children.
func (j *job) signal(n unix.Signal) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.pid != 0 {
		_ = unix.Kill(-j.pid, n) // ESRCH: the last of them has just ended
	}
}

// signals sends each byte as a signal.
func (j *job) signals(numbers []byte) {
	for _, n := range numbers {
		j.signal(unix.Signal(n))
	}
}
