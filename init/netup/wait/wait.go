// Package wait is how the network's goroutines wait: until a time is over, the cable was put in, or there is no interface any more. It starts
// no goroutine, and refuses to say what follows.
package wait

import (
	"context"
	"time"
)

// Woken is what ended a wait.
type Woken int

const (
	TimedOut Woken = iota
	Poked          // the cable was put in
	Gone           // the interface is gone or not needed any more
)

// For waits for d. A value of poke ends it; so do the end of ctx and poke's being closed, after which there is nothing to wait for.
func For(ctx context.Context, poke <-chan struct{}, d time.Duration) Woken {
	select {
	case <-ctx.Done():
		return Gone
	case _, there := <-poke:
		if !there {
			return Gone
		}
		return Poked
	case <-time.After(d):
		return TimedOut
	}
}
