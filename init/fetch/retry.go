package fetch

import (
	"context"
	"math/rand/v2"
	"time"
)

// Backoff has the pauses between tries: First, doubled after each up to Last, each longer by up to a tenth at random, so
// that machines that were switched on together do not ask together for ever.
type Backoff struct {
	First, Last time.Duration
	next        time.Duration
}

// Next returns the next pause.
func (b *Backoff) Next() time.Duration {
	b.next = min(max(b.next, b.First), b.Last)
	pause := b.next + rand.N(b.next/10+1)
	b.next *= 2
	return pause
}

// Reset makes the next pause the first one again.
func (b *Backoff) Reset() { b.next = 0 }

// Sleep waits and says whether it waited to the end: not if the context ended.
func Sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
