package schedule

import (
	"context"
	"time"

	"github.com/proa-os/proa/init/upgrade"
)

// Service does what the schedule says, until its context ends.
type Service struct {
	Policy Policy
	ID     string
	// Ready says whether a release waits in the other slot, Sure whether the clock is right.
	Ready, Sure func() bool
	// Run makes one run of the engine.
	Run func(ctx context.Context, until upgrade.Until, reboot bool) error
	// Say is called with the error of a run.
	Say func(error)
}

// nap is the longest sleep: the clock may be set meanwhile.
const nap = 5 * time.Minute

// Follow returns when the context ends. After each fetch the window is looked at again, so that an open one is used.
func (s Service) Follow(ctx context.Context) {
	state := State{Booted: time.Now()}
	for ctx.Err() == nil {
		now := time.Now().Round(0) // the wall clock decides
		state.Ready, state.Sure = s.Ready(), s.Sure()
		next := Next(now, state, s.Policy, s.ID)
		if wait := next.At.Sub(now); wait > 0 {
			if !sleep(ctx, min(wait, nap)) {
				return
			}
			continue
		}
		state.Looked = now
		err := s.Run(ctx, next.Until, next.Reboot)
		if state.Failed = err != nil; state.Failed && ctx.Err() == nil {
			s.Say(err)
		}
		if next.Reboot && err == nil { // the machine goes down
			<-ctx.Done()
		}
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
