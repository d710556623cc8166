package supervise

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Restart ends a service's process with SIGTERM, which differs from the shutdown signal (pods keep running), and
// returns once the next one is started. If it does not end within its Grace it is killed. A service that waits between
// two runs is started at once.
func (v *Supervisor) Restart(ctx context.Context, name string) error {
	r, known := v.row(name)
	if r == nil {
		return fmt.Errorf("no service %q; there are: %s", name, strings.Join(known, ", "))
	}
	r.mu.Lock()
	before, s := r.proc, r.state
	r.mu.Unlock()
	if before == nil && (s.State == "stopped" || s.State == "waiting") {
		return fmt.Errorf("%s is %s: %s", name, s.State, s.Status)
	}
	select {
	case r.again <- struct{}{}:
	default: // requested already
	}
	if before == nil {
		return nil
	}
	r.signal(unix.SIGTERM)
	if r.replaced(ctx, before.Pid, r.s.Grace) {
		return nil
	}
	r.signal(unix.SIGKILL)
	if r.replaced(ctx, before.Pid, 10*time.Second) {
		return fmt.Errorf("%s did not end within %s and was killed; it runs again", name, r.s.Grace)
	}
	return fmt.Errorf("%s does not end after SIGKILL; it is blocked in the kernel", name)
}

func (v *Supervisor) row(name string) (found *run, known []string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, r := range v.runs {
		if known = append(known, r.s.Name); r.s.Name == name {
			found = r
		}
	}
	return found, known
}

func (r *run) now() State {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state
}

// replaced waits until the process has ended and the next run has begun.
func (r *run) replaced(ctx context.Context, pid int, limit time.Duration) bool {
	for end := time.Now().Add(limit); ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		if s := r.now(); s.Pid != pid && s.State != "restarting" {
			return true
		}
		if time.Now().After(end) {
			return false
		}
	}
	return false
}

// Ensure starts a service that does not run. One that runs with other arguments is ended first; its children run on.
func (v *Supervisor) Ensure(ctx context.Context, s Service) {
	switch r, _ := v.row(s.Name); {
	case r == nil:
		v.Start(ctx, s)
	case !slices.Equal(r.s.Argv, s.Argv):
		v.Remove(s.Name)
		v.Start(ctx, s)
	}
}

// Remove ends a service, with SIGTERM and after its Grace with SIGKILL, and forgets it.
func (v *Supervisor) Remove(name string) {
	r, _ := v.row(name)
	if r == nil {
		return
	}
	r.stop()
	r.signal(unix.SIGTERM)
	select {
	case <-r.ended:
	case <-time.After(r.s.Grace):
		r.signal(unix.SIGKILL)
		select {
		case <-r.ended:
		case <-time.After(5 * time.Second):
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.runs = slices.DeleteFunc(v.runs, func(o *run) bool { return o == r })
}
