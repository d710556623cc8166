package qemu

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"time"
)

// clockTick is the unit of the times in /proc/PID/stat: USER_HZ, 100 on every Linux this runs on (proc_pid_stat(5)).
const clockTick = 10 * time.Millisecond

// wallFactor limits the wall time of a budget: a machine that hangs without using CPU would otherwise wait forever.
const wallFactor = 4

// Budget returns a context that ends when the machine has used that much CPU time, when wallFactor times as much wall
// time has passed, or when the emulator has stalled. An emulated machine on a busy host is slow, not broken, so its
// time limit counts CPU time.
func (vm *VM) Budget(ctx context.Context, cpu time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	start, began := vm.CPUTime(), time.Now()
	go func() {
		for ctx.Err() == nil {
			if vm.console.stalled() {
				cancel(ErrStalled)
			}
			spent, wall := vm.CPUTime()-start, time.Since(began)
			if spent > cpu || wall > wallFactor*cpu {
				cancel(fmt.Errorf("%w: machine spent %s of CPU in %s, of %s granted",
					context.DeadlineExceeded, spent.Round(time.Second), wall.Round(time.Second), cpu))
			}
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
	}()
	return ctx, func() { cancel(context.Canceled) }
}

// CPUTime returns the CPU time of the emulator so far; 0 once it has ended.
func (vm *VM) CPUTime() time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", vm.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	return parseCPUTime(stat)
}

// parseCPUTime adds fields 14 (utime) and 15 (stime). The name in field 2 may contain anything, so it counts from the
// end of that.
func parseCPUTime(stat []byte) time.Duration {
	_, rest, ok := bytes.Cut(stat[max(0, bytes.LastIndexByte(stat, ')')):], []byte(") "))
	fields := bytes.Fields(rest)
	if !ok || len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(string(fields[11]))
	system, _ := strconv.Atoi(string(fields[12]))
	return time.Duration(user+system) * clockTick
}
