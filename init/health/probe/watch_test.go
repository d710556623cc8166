package probe

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/health"
)

// TestWatch: what is told of a check whose tries fail and succeed at given times.
func TestWatch(t *testing.T) {
	down := func(from, to time.Duration) func(time.Duration) string {
		return func(at time.Duration) string {
			if at >= from && at < to {
				return "refused"
			}
			return ""
		}
	}
	for name, c := range map[string]struct {
		check config.Check
		fails func(at time.Duration) string
		want  map[time.Duration]string
	}{
		"at once":  {config.Check{Name: "shop"}, down(0, 0), map[time.Duration]string{time.Second: "", time.Hour: ""}},
		"later":    {config.Check{Name: "shop"}, down(0, time.Minute), map[time.Duration]string{59 * time.Second: "refused", 61 * time.Second: ""}},
		"interval": {config.Check{Name: "shop", Interval: "1h"}, down(0, time.Minute), map[time.Duration]string{59 * time.Minute: "refused", 61 * time.Minute: ""}},
		"for":      {config.Check{Name: "shop", For: "1m"}, down(0, time.Minute), map[time.Duration]string{90*time.Second + 1: "holds for 30s of 1m0s", 2 * time.Minute: ""}},
		"for, but fails between": {config.Check{Name: "shop", For: "1m"}, down(30*time.Second, 40*time.Second),
			map[time.Duration]string{29 * time.Second: "holds for 29s of 1m0s", 35 * time.Second: "refused", 61 * time.Second: "holds for 21s of 1m0s", 101 * time.Second: ""}},
		"fails again":                {config.Check{Name: "shop"}, down(time.Minute, time.Hour), map[time.Duration]string{59 * time.Second: "", 61 * time.Second: "refused"}},
		"a workload before the node": {config.Check{Name: "shop", Workload: "a/Deployment/b"}, down(0, 0), map[time.Duration]string{14 * time.Second: "the node is not Ready", 21 * time.Second: ""}},
	} {
		for at, want := range c.want {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				ready := func() bool { return time.Since(began) > 15*time.Second }
				w := Watch(t.Context(), []config.Check{c.check}, func(context.Context, config.Check) string { return c.fails(time.Since(began)) }, ready)
				if got := w.States(); got[0] != (health.Check{Name: "shop", Why: "not tried yet"}) {
					t.Errorf("%s: %+v", name, got)
				}
				time.Sleep(at)
				synctest.Wait()
				if got := w.States(); len(got) != 1 || got[0].Why != want {
					t.Errorf("%s: after %s %+v, want %q", name, at, got, want)
				}
				w.Stop()
			})
		}
	}
	if got := (*Watcher)(nil).States(); got != nil {
		t.Error(got)
	}
}
