package transport

import (
	"context"
	"sync"
	"time"
)

// Bucket limits the rate of all reads that share it (token bucket with room for a second). A nil Bucket limits nothing.
type Bucket struct {
	rate int64 // bytes per second

	mu   sync.Mutex
	have float64 // bytes; negative: taken in advance
	at   time.Time
}

// NewBucket limits to a number of bytes per second; 0: no limit.
func NewBucket(rate int64) *Bucket {
	if rate <= 0 {
		return nil
	}
	return &Bucket{rate: rate}
}

// Take waits until n bytes may pass.
func (b *Bucket) Take(ctx context.Context, n int) error {
	if b == nil {
		return nil
	}
	return sleep(ctx, b.take(n, time.Now()))
}

// take returns how long to wait for n bytes.
func (b *Bucket) take(n int, now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	rate := float64(b.rate)
	if b.at.IsZero() {
		b.have, b.at = 0, now
	}
	b.have = min(rate, b.have+rate*now.Sub(b.at).Seconds()) - float64(n)
	b.at = now
	if b.have >= 0 {
		return 0
	}
	return time.Duration(-b.have / rate * float64(time.Second))
}

// sleep waits, or returns the error of its context.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
