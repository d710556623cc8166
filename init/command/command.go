// Package command runs the user's lists of shell commands: in order, each by /bin/sh -c in a session and a cgroup of its
// own, with its output in a bounded log. A command that fails does not keep the next one from running, one that hangs is
// killed with everything that it has started, and what it leaves in the background runs on until the machine shuts down.
// It never prints a command, which may contain a password.
package command

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/proa-os/proa/init/proc"
	"github.com/proa-os/proa/init/supervise"
	"golang.org/x/sys/unix"
)

// List is commands that run in order.
type List struct {
	Key      string // of the configuration: run_cmd
	Log      string // name of the log: run-cmd
	Commands []string
	Env      []string
	Limit    time.Duration // for all of them together; 0: none
	// Skip says that command i is not to run; nil: all of them run. Done is called after command i has succeeded.
	Skip func(i int) bool
	Done func(i int) error
}

// Jobs runs lists and knows their states.
type Jobs struct {
	Start   func(proc.Spec) (*proc.Proc, error)
	Write   func(path string, data []byte, perm os.FileMode) error // for cgroup.kill
	LogDir  string
	Cgroup  string // directory for a cgroup per command; "": none
	changed func(State)

	mu      sync.Mutex
	states  []*State
	stop    chan struct{}
	stopped bool
	running sync.WaitGroup
}

// New returns Jobs that start processes with the reaper.
func New(start func(proc.Spec) (*proc.Proc, error), logDir, cgroup string) *Jobs {
	return &Jobs{Start: start, Write: os.WriteFile, LogDir: logDir, Cgroup: cgroup, changed: func(State) {}, stop: make(chan struct{})}
}

// Run runs a list and returns how it ended. Lists may run beside each other.
func (j *Jobs) Run(ctx context.Context, l List) State {
	s := j.begin(l)
	if s == nil {
		return State{Key: l.Key, State: Stopped}
	}
	defer j.running.Done()
	if l.Limit > 0 {
		limited, cancel := context.WithTimeoutCause(ctx, l.Limit, fmt.Errorf("not done after %s for all commands together", l.Limit))
		defer cancel()
		ctx = limited
	}
	log, err := supervise.OpenLog(j.LogDir, l.Log)
	if err != nil {
		return j.set(s, func(s *State) { s.State, s.Failed = Failed, []Failure{{1, "log: " + err.Error()}} })
	}
	defer log.Close()
	for i := range l.Commands {
		if ctx.Err() != nil || j.Stopped() {
			break
		}
		j.step(ctx, l, i, s, log.Writer())
	}
	stopped := j.Stopped()
	return j.set(s, func(s *State) { s.end(ctx, stopped) })
}

// bootLimit is for all commands of boot_cmd together.
const bootLimit = 5 * time.Minute

// Boot runs boot_cmd.
func (j *Jobs) Boot(ctx context.Context, commands, env []string) State {
	return j.Run(ctx, List{Key: "boot_cmd", Log: "boot-cmd", Commands: commands, Env: env, Limit: bootLimit})
}

// step runs command i unless it is to be skipped.
func (j *Jobs) step(ctx context.Context, l List, i int, s *State, out *os.File) {
	if l.Skip != nil && l.Skip(i) {
		j.set(s, func(s *State) { s.Skipped++ })
		return
	}
	j.set(s, func(s *State) { s.State, s.Command = Running, i+1 })
	fmt.Fprintf(out, "== %s %d of %d, %s\n", l.Key, i+1, len(l.Commands), time.Now().UTC().Format(time.RFC3339))
	how := j.one(ctx, l, i, out)
	if how == "" && l.Done != nil {
		if err := l.Done(i); err != nil {
			how = "succeeded, but that could not be recorded: " + err.Error()
		}
	}
	if how == "" {
		j.set(s, func(s *State) { s.Succeeded++ })
		return
	}
	fmt.Fprintf(out, "== %s %d of %d: %s\n", l.Key, i+1, len(l.Commands), how)
	j.set(s, func(s *State) { s.Failed = append(s.Failed, Failure{i + 1, how}) })
}

// one runs one command, and returns how it failed, "" if it succeeded.
func (j *Jobs) one(ctx context.Context, l List, i int, out *os.File) string {
	spec := proc.Spec{Argv: []string{"/bin/sh", "-c", l.Commands[i]}, Env: l.Env, Out: out}
	leaf, err := j.leaf(l, i)
	if err != nil {
		return "cgroup: " + err.Error()
	}
	if leaf != nil {
		defer os.Remove(leaf.Name()) // fails while something of it runs in the background
		defer leaf.Close()
		spec.CgroupFD = int(leaf.Fd())
	}
	p, err := j.Start(spec)
	if err != nil {
		return err.Error()
	}
	select {
	case ws := <-p.Done:
		return failure(ws)
	case <-ctx.Done():
		j.kill(p, leaf)
		wait(p, killWait)
		return "killed: " + context.Cause(ctx).Error()
	case <-j.stop:
		return j.terminate(p, leaf)
	}
}

// Times of a shutdown: a command that has requested it ends by itself first; the others get SIGTERM, then SIGKILL. A
// process that a disk holds in the kernel does not even end then, and is left.
const (
	ownEnd   = time.Second
	grace    = 5 * time.Second
	killWait = 2 * time.Second
)

func (j *Jobs) terminate(p *proc.Proc, leaf *os.File) string {
	if ws, ended := wait(p, ownEnd); ended {
		return failure(ws)
	}
	_ = p.SignalGroup(unix.SIGTERM) // it may have ended meanwhile
	if ws, ended := wait(p, grace); ended {
		return failure(ws)
	}
	j.kill(p, leaf)
	wait(p, killWait)
	return "killed at shutdown"
}

// kill ends a command with everything that it has started, also in other sessions.
func (j *Jobs) kill(p *proc.Proc, leaf *os.File) {
	_ = p.SignalGroup(unix.SIGKILL)
	if leaf != nil {
		_ = j.Write(filepath.Join(leaf.Name(), "cgroup.kill"), []byte("1"), 0o644) // since Linux 5.14
	}
}

func wait(p *proc.Proc, limit time.Duration) (ws unix.WaitStatus, ended bool) {
	select {
	case ws = <-p.Done:
		return ws, true
	case <-time.After(limit):
		return ws, false
	}
}

func failure(ws unix.WaitStatus) string {
	if ws.Exited() && ws.ExitStatus() == 0 {
		return ""
	}
	return supervise.Describe(ws)
}

func (j *Jobs) leaf(l List, i int) (*os.File, error) {
	if j.Cgroup == "" {
		return nil, nil
	}
	dir := filepath.Join(j.Cgroup, fmt.Sprintf("%s-%d", l.Log, i+1))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	return os.Open(dir)
}

// Follow calls changed after each change from now on.
func (j *Jobs) Follow(changed func(State)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.changed = changed
}

// Stop starts no more commands, ends those that run, and returns once they have ended.
func (j *Jobs) Stop() {
	if j == nil {
		return // tests of others
	}
	j.mu.Lock()
	if !j.stopped {
		j.stopped = true
		close(j.stop)
	}
	j.mu.Unlock()
	j.running.Wait()
}

// Stopped says whether Stop was called.
func (j *Jobs) Stopped() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.stopped
}
