package proc

import (
	"time"

	"golang.org/x/sys/unix"
)

// End ends the processes that find returns, also those that appear meanwhile: with SIGTERM, and after grace with
// SIGKILL. It returns those that are left.
func End(find func() []int, grace time.Duration) (left []int) {
	left = signalAll(find, unix.SIGTERM)
	for end := time.Now().Add(grace); len(left) > 0 && time.Now().Before(end); left = find() {
		time.Sleep(endLook)
	}
	for end := time.Now().Add(killGrace); len(left) > 0 && time.Now().Before(end); {
		signalAll(find, unix.SIGKILL)
		time.Sleep(endLook)
		left = find()
	}
	return left
}

// How often End looks, and how long it waits for the kernel after SIGKILL.
const (
	endLook   = 50 * time.Millisecond
	killGrace = 2 * time.Second
)

func signalAll(find func() []int, s unix.Signal) []int {
	pids := find()
	for _, pid := range pids {
		_ = unix.Kill(pid, s) // it may have ended by itself
	}
	return pids
}
