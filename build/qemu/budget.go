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

// wallFactor bounds a budget for a machine that does nothing: it spends no CPU and would wait for ever.
const wallFactor = 4

// Budget returns a context that ends when the machine has spent that much more CPU time, or wallFactor times as much has gone
// by, or the emulator has stalled. An emulated machine on a busy host is slow, not broken: what it is granted is work, not minutes.
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

// CPUTime is what the emulator has used so far; 0 once it is gone.
func (vm *VM) CPUTime() time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", vm.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	return parseCPUTime(stat)
}

// parseCPUTime adds fields 14 (utime) and 15 (stime); the name in field 2 may hold anything, so counting begins behind it.
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
