// Package supervise keeps services running: start, restart with exponential backoff, bounded logs, one sd_notify socket
// and one cgroup per service. On stop it signals the main process only, so that containers started by a service keep
// running. There is no ordering between services; each row may have a condition to wait for.
package supervise

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/proa-os/proa/config/guard"
	"github.com/proa-os/proa/init/proc"
	"golang.org/x/sys/unix"
)

// Service is one row of the service table.
type Service struct {
	Name string
	Argv []string
	// Wait returns when the service may start, or an error if it never may. nil: at once.
	Wait func(ctx context.Context, say func(string)) error
	// Prepare runs before every start.
	Prepare func(ctx context.Context) error
	// Env returns the environment of a run; nil: proc.Env.
	Env func() []string
	// Stop is the signal at shutdown; Grace is the time until SIGKILL.
	Stop  unix.Signal
	Grace time.Duration
	// Notify gives the service a notify socket; it is ready after READY=1. Otherwise it is ready when started.
	Notify bool
	// Watch monitors services that report their state in another way: it runs during one run, until its context ends.
	// The service is ready when Watch says so.
	Watch func(ctx context.Context, say func(ready bool, status string))
}

// State is the state of a service.
type State struct {
	Name     string `json:"name"`
	State    string `json:"state"` // waiting, starting, ready, restarting, stopped
	Status   string `json:"status,omitempty"`
	Restarts int    `json:"restarts"`
	LastExit string `json:"last_exit,omitempty"`
	Pid      int    `json:"pid,omitempty"`
	Facts    Facts  `json:"facts,omitzero"`
}

// Backoff between restarts: doubled each time, and reset after a long run.
const (
	firstPause = 1 * time.Second
	lastPause  = 60 * time.Second
	calm       = 2 * time.Minute
)

// Supervisor runs the services.
type Supervisor struct {
	Reaper  *proc.Reaper
	LogDir  string
	Cgroup  string // cgroup directory of the services; "" for none
	RunDir  string // directory of the notify sockets
	Changed func(before, now State)

	mu     sync.Mutex
	runs   []*run
	closed bool
}

type run struct {
	s     Service
	sup   *Supervisor
	mu    sync.Mutex
	state State
	proc  *proc.Proc
	main  int // PID of the current or last run
	ended chan struct{}
	again chan struct{} // a restart was requested: no pause before the next run
	stop  context.CancelFunc
}

// Start starts a service's loop and returns at once.
func (v *Supervisor) Start(ctx context.Context, s Service) {
	ctx, cancel := context.WithCancel(ctx)
	r := &run{s: s, sup: v, ended: make(chan struct{}), again: make(chan struct{}, 1), stop: cancel, state: State{Name: s.Name, State: "waiting"}}
	v.mu.Lock()
	v.runs = append(v.runs, r)
	v.mu.Unlock()
	go r.loop(ctx)
}

// States returns the states of all services in the order they were started.
func (v *Supervisor) States() []State {
	v.mu.Lock()
	defer v.mu.Unlock()
	out := []State{}
	for _, r := range v.runs {
		r.mu.Lock()
		out = append(out, r.state)
		r.mu.Unlock()
	}
	return out
}

func (r *run) set(change func(*State)) {
	r.mu.Lock()
	before := r.state
	change(&r.state)
	now := r.state
	r.mu.Unlock()
	if now.String() != before.String() || !now.Facts.equal(before.Facts) {
		r.sup.Changed(before, now)
	}
}

func (r *run) loop(ctx context.Context) {
	defer close(r.ended)
	defer r.set(func(s *State) { s.State, s.Pid, s.Facts = "stopped", 0, Facts{} })
	pause := firstPause
	for {
		if r.s.Wait != nil {
			if err := r.s.Wait(ctx, func(why string) { r.set(func(s *State) { s.State, s.Status = "waiting", why }) }); err != nil {
				r.set(func(s *State) { s.Status = err.Error() })
				return
			}
		}
		began := time.Now()
		end := r.once(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > calm {
			pause = firstPause
		}
		r.set(func(s *State) {
			if s.Facts.Failed != "" {
				end += ": " + s.Facts.Failed // the reason that it reported is more useful than its exit code
			}
			s.State, s.Status, s.LastExit, s.Pid, s.Facts = "restarting", "", end, 0, Facts{Failed: s.Facts.Failed}
			s.Restarts++
		})
		select {
		case <-ctx.Done():
			return
		case <-r.again:
			pause = firstPause
		case <-time.After(pause):
			pause = min(2*pause, lastPause)
		}
	}
}

// once runs the service once and returns how it ended.
func (r *run) once(ctx context.Context) (how string) {
	err := guard.Call(func() error {
		how = r.attempt(ctx)
		return nil
	})
	if err != nil {
		return err.Error()
	}
	return how
}

func (r *run) attempt(ctx context.Context) (how string) {
	if r.s.Prepare != nil {
		if err := r.s.Prepare(ctx); err != nil {
			return "prepare: " + err.Error()
		}
	}
	log, err := OpenLog(r.sup.LogDir, r.s.Name)
	if err != nil {
		return "log: " + err.Error()
	}
	defer log.Close()
	env := r.env()
	if r.s.Notify {
		sock, err := r.listen()
		if err != nil {
			return "notify socket: " + err.Error()
		}
		defer sock.close()
		env = append(env, "NOTIFY_SOCKET="+r.socket())
	}
	leaf, err := r.leaf()
	if err != nil {
		return "cgroup: " + err.Error()
	}
	spec := proc.Spec{Argv: r.s.Argv, Env: env, Out: log.Writer()}
	if leaf != nil {
		defer leaf.Close()
		spec.CgroupFD = int(leaf.Fd())
	}
	r.set(func(s *State) { s.State, s.Status, s.Facts = "starting", "", Facts{} })
	p, err := r.launch(ctx, spec)
	log.CloseWriter()
	if err != nil {
		return err.Error()
	}
	r.set(func(s *State) {
		s.Pid = p.Pid
		if !r.s.Notify && r.s.Watch == nil {
			s.State, s.Status = "ready", ""
		}
	})
	watched, end := context.WithCancel(ctx)
	go r.watch(watched)
	ws := <-p.Done
	end()
	r.mu.Lock()
	r.proc = nil // the PID may be reused soon
	r.mu.Unlock()
	return Describe(ws)
}

func (r *run) env() []string {
	if r.s.Env == nil {
		return proc.Env()
	}
	isNotify := func(line string) bool { return strings.HasPrefix(line, "NOTIFY_SOCKET=") } // only ours is read
	return slices.DeleteFunc(r.s.Env(), isNotify)
}

// launch holds the lock, so that a concurrent stop either sees the process or prevents its start.
func (r *run) launch(ctx context.Context, spec proc.Spec) (*proc.Proc, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p, err := r.sup.Reaper.Start(spec)
	if r.proc, r.main = p, 0; p != nil {
		r.main = p.Pid
	}
	return p, err
}

func (r *run) leaf() (*os.File, error) {
	if r.sup.Cgroup == "" {
		return nil, nil
	}
	dir := r.sup.Cgroup + "/" + r.s.Name
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	return os.Open(dir)
}

// Describe describes how a process ended.
func Describe(ws unix.WaitStatus) string {
	if ws.Signaled() {
		return "signal " + unix.SignalName(ws.Signal())
	}
	return fmt.Sprintf("exit code %d", ws.ExitStatus())
}

// StopAll sends every service its stop signal, waits for each up to its Grace, and then kills it.
func (v *Supervisor) StopAll(logf func(string, ...any)) {
	v.endAll(logf, func(s Service) unix.Signal { return s.Stop })
}

// LeaveAll ends every service as Restart does: what it has started, such as pods, keeps running.
func (v *Supervisor) LeaveAll(logf func(string, ...any)) {
	v.endAll(logf, func(Service) unix.Signal { return unix.SIGTERM })
}

func (v *Supervisor) endAll(logf func(string, ...any), by func(Service) unix.Signal) {
	v.mu.Lock()
	runs := append([]*run{}, v.runs...)
	v.mu.Unlock()
	var wg sync.WaitGroup
	for _, r := range runs {
		wg.Add(1)
		go func() { defer wg.Done(); r.end(logf, by(r.s)) }()
	}
	wg.Wait()
}

func (r *run) end(logf func(string, ...any), by unix.Signal) {
	r.stop()
	r.signal(by)
	select {
	case <-r.ended:
	case <-time.After(r.s.Grace):
		logf("%s did not stop within %s; killing it", r.s.Name, r.s.Grace)
		r.signal(unix.SIGKILL)
		select {
		case <-r.ended:
		case <-time.After(5 * time.Second):
		}
	}
}

func (r *run) signal(sig unix.Signal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.proc != nil {
		_ = r.proc.Signal(sig) // it may have ended by itself
	}
}

func (s State) String() string {
	out := s.Name + " " + s.State
	if s.Status != "" {
		out += ": " + s.Status
	}
	if s.Restarts > 0 {
		out += fmt.Sprintf(" (restarts %d, last: %s)", s.Restarts, s.LastExit)
	}
	return out
}
