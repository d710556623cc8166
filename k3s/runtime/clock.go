package runtime

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// watchSteps subscribes to steps of the clock (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET) until the context ends.
// Several steps may give one event.
func watchSteps(ctx context.Context) (<-chan struct{}, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_REALTIME, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("timerfd: %w", err)
	}
	timer := os.NewFile(uintptr(fd), "timerfd")
	never := unix.ItimerSpec{Value: unix.Timespec{Sec: 1<<31 - 1}} // the largest time on a 32-bit system
	if err := unix.TimerfdSettime(fd, unix.TFD_TIMER_ABSTIME|unix.TFD_TIMER_CANCEL_ON_SET, &never, nil); err != nil {
		return nil, errors.Join(fmt.Errorf("timerfd: %w", err), timer.Close())
	}
	context.AfterFunc(ctx, func() { timer.Close() }) // ends the read below
	stepped := make(chan struct{}, 1)
	go func() {
		for {
			_, err := timer.Read(make([]byte, 8))
			if err != nil && !errors.Is(err, unix.ECANCELED) {
				return
			}
			select {
			case stepped <- struct{}{}:
			default: // an event is pending already
			}
		}
	}()
	return stepped, nil
}

// steps follows how the wall clock is stepped while the cluster runs. Slewing does not count, because the time since
// boot is slewed too.
type steps struct {
	start  time.Time // wall clock time at start less the time since boot
	last   time.Time // the same at the last look
	latest time.Time // latest wall clock time so far
}

func beginSteps(now time.Time, up time.Duration) steps {
	return steps{start: now.Add(-up), last: now.Add(-up), latest: now}
}

// look returns how far the clock was stepped forward since the start, in sum, and how far it is behind the latest time
// that it has had. The two differ: after a week forward and a week back the sum is zero, and pods and tokens of that
// week are in the future. up is the time since boot.
func (s *steps) look(now time.Time, up time.Duration) (forward, back time.Duration) {
	for _, at := range []time.Time{s.last.Add(up), now} { // just before the step, and now
		if at.After(s.latest) {
			s.latest = at
		}
	}
	s.last = now.Add(-up)
	return s.last.Sub(s.start), s.latest.Sub(now)
}

// wallClock returns the wall clock time. Round removes the monotonic reading, by which Go would otherwise compare.
func wallClock() time.Time { return time.Now().Round(0) }

// sinceBoot returns the time since boot, independent of the wall clock (clock_gettime(2), CLOCK_BOOTTIME).
func sinceBoot() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}
