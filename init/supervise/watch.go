package supervise

import (
	"context"

	"github.com/proa-os/proa/config/guard"
)

// watch runs a row's Watch during one run of the service. A panic in it is recovered, because it runs in PID 1.
func (r *run) watch(ctx context.Context) {
	if r.s.Watch == nil {
		return
	}
	say := func(ready bool, status string) {
		r.set(func(s *State) {
			if ctx.Err() != nil {
				return // the run is over, and its loop sets the state
			}
			s.State, s.Status = "waiting", status
			if ready {
				s.State = "ready"
			}
		})
	}
	err := guard.Call(func() error {
		r.s.Watch(ctx, say)
		return nil
	})
	if err != nil {
		say(false, err.Error())
	}
}
