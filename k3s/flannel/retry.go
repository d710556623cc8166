package flannel

import (
	"context"
	"time"
)

// retryFor is how long to wait for the controller manager to assign a subnet.
const retryFor = 2 * time.Minute

// retry calls f every second until it succeeds or retryFor is over, and returns its last error.
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
