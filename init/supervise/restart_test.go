package supervise

import (
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestRestartOnRequest: when Restart returns another process runs, without a backoff pause, whether or not the first
// one reacted to SIGTERM.
func TestRestartOnRequest(t *testing.T) {
	for name, c := range map[string]struct{ script, says string }{
		"obedient":       {"exec sleep 60", ""},
		"takes its time": {"trap 'sleep 0.3; exit 0' TERM; while :; do sleep 0.05; done", ""},
		"deaf":           {"trap '' TERM; while :; do sleep 0.05; done", "was killed; it runs again"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			s := shell(c.script)
			s.Stop, s.Grace = unix.SIGKILL, time.Second
			r.Start(t.Context(), s)
			before := r.wait(t, "the first run", func(s State) bool { return s.State == "ready" })
			time.Sleep(300 * time.Millisecond) // until the shell has set its trap
			err := r.Restart(t.Context(), "svc")
			if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Error(err)
			}
			after := r.wait(t, "the second run", func(s State) bool { return s.State == "ready" })
			if after.Pid == before.Pid || after.Restarts != 1 || errors.Is(unix.Kill(after.Pid, 0), unix.ESRCH) {
				t.Errorf("before %v, after %v", before, after)
			}
		})
	}
}

// TestRestartEndsThePause: Restart ends the backoff pause of a failed service.
func TestRestartEndsThePause(t *testing.T) {
	r := newRig(t)
	r.Start(t.Context(), shell("exit 1"))
	r.wait(t, "a long pause", func(s State) bool { return s.Restarts == 2 && s.State == "restarting" }) // the next pause is 2 s
	began := time.Now()
	if err := r.Restart(t.Context(), "svc"); err != nil {
		t.Fatal(err)
	}
	r.wait(t, "the next run", func(s State) bool { return s.Restarts == 3 })
	if took := time.Since(began); took > 1500*time.Millisecond {
		t.Errorf("waited %s", took)
	}
	if err := r.Restart(t.Context(), "k3"); err == nil || !strings.Contains(err.Error(), "no service \"k3\"; there are: svc") {
		t.Error(err)
	}
}

// TestEnsure: a service with the same arguments runs on, one with others is replaced, and one that is removed ends.
func TestEnsure(t *testing.T) {
	r := newRig(t)
	ready := func(s State) bool { return s.State == "ready" }
	s := shell("exec sleep 60")
	s.Stop, s.Grace = unix.SIGKILL, time.Second
	r.Ensure(t.Context(), s)
	first := r.wait(t, "the first run", ready)
	r.Ensure(t.Context(), s)
	if again := r.wait(t, "the same run", ready); again.Pid != first.Pid {
		t.Errorf("replaced without need: %v, %v", first, again)
	}
	s.Argv = append(s.Argv, "x")
	r.Ensure(t.Context(), s)
	if second := r.wait(t, "the second run", ready); second.Pid == first.Pid || len(r.States()) != 1 || !errors.Is(unix.Kill(first.Pid, 0), unix.ESRCH) {
		t.Errorf("not replaced: %v, %v", first, r.States())
	}
	last := r.States()[0].Pid
	r.Remove("svc")
	r.Remove("svc")
	if len(r.States()) != 0 || !errors.Is(unix.Kill(last, 0), unix.ESRCH) {
		t.Errorf("removed: %v", r.States())
	}
}
