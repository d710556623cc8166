package pid1

import (
	"context"
	"errors"
	"fmt"

	"github.com/proa-os/proa/init/environ"
	"github.com/proa-os/proa/init/fetch"
	"github.com/proa-os/proa/init/health/probe"
)

// prober tries the user's checks, in processes and goroutines beside the main loop and its worker.
func (k *keeper) prober() probe.Prober {
	c := k.m.Config
	return probe.Prober{Fetch: fetch.Client{Run: k.m.Fetch, Environment: c.Environment}, CAs: c.CACerts, Start: k.reaper.Start,
		Cgroup: k.sup.Cgroup, Env: environ.Commands(c), Agent: c.K3s.Role == "agent"}
}

// watchChecks tries the user's checks until the slot is good. On a slot that was good before nothing would follow from
// them, and each costs work for as long as the machine runs.
func (k *keeper) watchChecks(ctx context.Context) {
	if k.m.Found.Trial.On && len(k.m.Config.Health.Checks) > 0 {
		k.checks = probe.Watch(ctx, k.m.Config.Health.Checks, k.prober().Try, k.nodeReady)
	}
}

// nodeReady is what the worker has seen last.
func (k *keeper) nodeReady() bool {
	f := k.latest.Load()
	return f != nil && f.NodeReady
}

// healthVerb tells each condition's state now, and tries the checks of the configuration as it was read last.
func (k *keeper) healthVerb(ctx context.Context, _ string, say func(string)) error {
	f := k.latest.Load()
	if f == nil {
		return errors.New("the services are being started; try again")
	}
	now := *f
	now.Checks = k.prober().All(ctx, k.conf.latest().Health.Checks)
	bad, all := 0, now.All()
	for _, t := range all {
		if say(t.String()); !t.Holds {
			bad++
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d conditions do not hold", bad, len(all))
	}
	return nil
}
