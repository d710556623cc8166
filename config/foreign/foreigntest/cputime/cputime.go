// Package cputime bounds what a test may cost by processor time. It measures nothing that waits: the time on a clock
// depends on what else the machine does.
package cputime

import (
	"syscall"
	"testing"
	"time"
)

// Of returns the processor time that do takes, with what else the test program does meanwhile (getrusage(2)).
func Of(t testing.TB, do func()) time.Duration {
	t.Helper()
	before := used(t)
	do()
	return used(t) - before
}

func used(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
