package node

import (
	"context"
	"time"
)

// retryFor bounds how long a component may wait for another's first work.
const retryFor = 2 * time.Minute

// retry calls f every second until it works or time is up, and returns its last error.
func retry[T any](ctx context.Context, f func() (T, error)) (T, error) {
	deadline := time.Now().Add(retryFor)
	for {
		v, err := f()
		if err == nil || time.Now().After(deadline) {
			return v, err
		}
		select {
		case <-ctx.Done():
			return v, ctx.Err()
		case <-time.After(time.Second):
		}
	}
}
