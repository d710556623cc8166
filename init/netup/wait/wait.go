// Package wait waits for a timeout, for a cable that is plugged in, for an interface that goes away, or for an answer.
// Nothing that it starts goes on when it returns.
package wait

import (
	"context"
	"errors"
	"time"

	"github.com/proa-os/proa/config/guard"
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

// errPoked is why an answer is not waited for any longer.
var errPoked = errors.New("the cable was plugged in")

// Talk runs speak, which speaks with servers, until it returns, the time is over, or the cable was plugged in, after
// which an answer would be to something else. Woken says which of them ended it. A panic in speak, of a protocol's
// library, is an error.
func Talk[T any](ctx context.Context, poke <-chan struct{}, end time.Time, speak func(context.Context) (T, error)) (answer T, woken Woken, err error) {
	ctx, stop := context.WithDeadline(ctx, end)
	defer stop()
	type result struct {
		answer T
		err    error
	}
	done := make(chan result, 1)
	go func() {
		var r result
		r.err = guard.Call(func() (err error) {
			r.answer, err = speak(ctx)
			return err
		})
		done <- r
	}()
	select {
	case r := <-done:
		return r.answer, TimedOut, r.err
	case _, there := <-poke:
		stop()
		<-done // speak must have ended before its inputs change
		if there {
			return answer, Poked, errPoked
		}
		return answer, Gone, errPoked
	}
}

// Half waits for half of the time until end, within limits: so long a client waits before it asks a silent server again
// (RFC 2131, section 4.4.5).
func Half(ctx context.Context, poke <-chan struct{}, end time.Time) Woken {
	left := max(time.Until(end), 0)
	return For(ctx, poke, min(max(left/2, time.Second), left))
}
