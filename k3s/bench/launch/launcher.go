package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/proa-os/proa/k3s/bench/plan"
)

const (
	poll = 500 * time.Millisecond
	// rerun is the pause before a process is run again: starting kubectl takes CPU time from what it waits for.
	rerun = 5 * time.Second
	// readyWait is long, because emulated machines are slow.
	readyWait = 20 * time.Minute
	// stopWait is the time between SIGTERM and SIGKILL.
	stopWait = 20 * time.Second
)

// daemon is one started process.
type daemon struct {
	plan.Step
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

type launcher struct {
	logDir string
	rerun  time.Duration
	say    func(format string, args ...any)
	all    []*daemon
	ended  chan error
}

// run runs the steps, and then waits. Being stopped is no error; the end of a daemon is one.
func (l *launcher) run(ctx context.Context, steps []plan.Step) error {
	l.ended = make(chan error, len(steps))
	if err := os.MkdirAll(l.logDir, 0o700); err != nil {
		return err
	}
	defer l.stop()
	for _, s := range steps {
		began := time.Now()
		if err := l.step(ctx, s); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("%s: %w; its log is %s", s.Name, err, l.log(s.Name))
		}
		l.say("%s ready after %s", s.Name, time.Since(began).Round(time.Millisecond))
	}
	l.say("all ready")
	select {
	case <-ctx.Done():
		return nil
	case err := <-l.ended:
		return err
	}
}

func (l *launcher) step(ctx context.Context, s plan.Step) error {
	log, err := os.OpenFile(l.log(s.Name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	if s.Ready == "" {
		return l.once(ctx, s, log)
	}
	cmd := exec.Command(s.Argv[0], s.Argv[1:]...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // their own process group: we stop them in order
	if err := cmd.Start(); err != nil {
		return err
	}
	d := &daemon{s, cmd, make(chan struct{})}
	l.all = append(l.all, d)
	go func() {
		err := cmd.Wait()
		l.ended <- fmt.Errorf("%s ended: %w", s.Name, errors.Join(err, errors.New("see "+l.log(s.Name))))
		close(d.done)
	}()
	return until(ctx, l.ended, poll, func() error { return probe(s.Ready) })
}

func (l *launcher) once(ctx context.Context, s plan.Step, log *os.File) error {
	return until(ctx, l.ended, l.rerun, func() error {
		cmd := exec.CommandContext(ctx, s.Argv[0], s.Argv[1:]...)
		cmd.Stdout, cmd.Stderr = log, log
		err := cmd.Run()
		if err != nil && !s.Retry {
			return final{err}
		}
		return err
	})
}

// final is an error after which a retry is useless.
type final struct{ error }

func (l *launcher) log(name string) string { return filepath.Join(l.logDir, name+".log") }

// until retries try until it succeeds. It returns early if a daemon ends, whose error is more useful than a timeout.
func until(ctx context.Context, ended <-chan error, pause time.Duration, try func() error) error {
	deadline := time.After(readyWait)
	for {
		err := try()
		if last, ok := err.(final); ok || err == nil {
			return last.error
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case gone := <-ended:
			return gone
		case <-deadline:
			return fmt.Errorf("not ready after %s: %w", readyWait, err)
		case <-time.After(pause):
		}
	}
}

func probe(ready string) error {
	kind, target, _ := strings.Cut(ready, ":")
	switch kind {
	case "now":
		return nil
	case "file":
		_, err := os.Stat(target)
		return err
	case "tcp", "unix":
		conn, err := net.DialTimeout(kind, target, 2*time.Second)
		if err != nil {
			return err
		}
		return conn.Close()
	}
	return fmt.Errorf("probe %q: want tcp:, unix:, file: or now", ready)
}

// stop stops the daemons, the last started one first.
func (l *launcher) stop() {
	for _, d := range slices.Backward(l.all) {
		_ = d.cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
		select {
		case <-d.done:
		case <-time.After(stopWait):
			l.say("%s does not stop, killed", d.Name)
			_ = d.cmd.Process.Kill()
			<-d.done
		}
	}
}
