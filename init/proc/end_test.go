package proc

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestEnd: a process that obeys has its time, one that does not is killed, and one that appears meanwhile is ended too.
func TestEnd(t *testing.T) {
	var all []*Proc
	begin := func(script string) {
		p, err := reap().Start(Spec{Argv: []string{"/bin/sh", "-c", script}, Env: Env()})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	begin("exec sleep 60")
	begin(`trap "" TERM; while :; do sleep 0.1; done`)
	time.Sleep(300 * time.Millisecond) // until the shell has set its trap
	looks := 0
	find := func() (pids []int) {
		if looks++; looks == 2 {
			begin("exec sleep 60")
		}
		for _, p := range all {
			if unix.Kill(p.Pid, 0) == nil {
				pids = append(pids, p.Pid)
			}
		}
		return pids
	}
	if left := End(find, 400*time.Millisecond); len(left) > 0 || len(all) != 3 {
		t.Errorf("left %v of %d", left, len(all))
	}
	if left := End(func() []int { return nil }, time.Hour); left != nil {
		t.Errorf("of none: %v", left)
	}
}
