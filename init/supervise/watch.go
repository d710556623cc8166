package supervise

import (
	"context"
	"fmt"
)

// watch runs a row's Watch beside one run of the service. It is in PID 1: its panic is the row's trouble, not the machine's.
func (r *run) watch(ctx context.Context) {
	if r.s.Watch == nil {
		return
	}
	say := func(ready bool, status string) {
		r.set(func(s *State) {
			if ctx.Err() != nil {
				return // the run is over, and what the loop says of that holds
			}
			s.State, s.Status = "waiting", status
			if ready {
				s.State = "ready"
			}
		})
	}
	defer func() {
		if p := recover(); p != nil {
			say(false, fmt.Sprintf("panic: %v", p))
		}
	}()
	r.s.Watch(ctx, say)
}
