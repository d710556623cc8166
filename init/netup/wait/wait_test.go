package wait

import (
	"context"
	"testing"
	"time"
)

func TestFor(t *testing.T) {
	poked, closed := make(chan struct{}, 1), make(chan struct{})
	poked <- struct{}{}
	close(closed)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx  context.Context
		poke <-chan struct{}
		d    time.Duration
		want Woken
	}{
		"time":      {t.Context(), nil, time.Millisecond, TimedOut},
		"poke":      {t.Context(), poked, time.Hour, Poked},
		"interface": {t.Context(), closed, time.Hour, Gone},
		"context":   {over, nil, time.Hour, Gone},
	} {
		if got := For(c.ctx, c.poke, c.d); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}
