// Package wait waits for a timeout, for a cable that is plugged in, or for an interface that goes away. It starts no
// goroutines.
package wait

import (
	"context"
	"time"
)

// Woken is the reason why a wait ended.
type Woken int

const (
	TimedOut Woken = iota
	Poked          // a cable was plugged in
	Gone           // the interface is gone, or is no longer managed
)

// For waits for d, or until poke has a value (Poked) or is closed, or ctx ends (Gone).
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
