package boot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/config/step"
	"github.com/proa-os/proa/init/bootfile"
	"github.com/proa-os/proa/init/confirm"
	"github.com/proa-os/proa/init/inforce"
	"github.com/proa-os/proa/init/slot"
)

// readConfig never fails because of the user's configuration: the valid parts are used, and problems are reported on
// the console and in the status.
func readConfig(_ context.Context, m *Machine) error {
	held, err := m.readHeld(time.Now())
	return errors.Join(err, m.holds(held))
}

// readAgain is for sources that have come since.
func (m *Machine) readAgain() error {
	held, err := inforce.ReadDocument(m.Root, m.Line.Raw)
	return errors.Join(err, m.holds(held))
}

func (m *Machine) holds(held inforce.Held) error {
	m.Config, m.InForce = held.Config, held
	for _, p := range held.Problems {
		if !slices.Contains(m.Problems, p) {
			m.Problems = append(m.Problems, p)
			m.Logf("config: %s", p)
		}
	}
	return inforce.Save(m.Sys.WriteFile, held)
}

// Reloads are the steps of stage 2 that can be repeated with a changed configuration on a running machine; the others
// need a restart.
func Reloads() []Step {
	return []Step{
		{"keep-sources", keepSources, step.Warn, 2 * time.Minute},
		{"accounts", accounts, step.Warn, 2 * time.Minute},
		{"environment", environment, step.Warn, 2 * time.Minute},
		{"ca-certs", caCerts, step.Warn, 2 * time.Minute},
		{"timezone", timezone, step.Warn, 2 * time.Minute},
		{"sysctls", sysctls, step.Warn, 2 * time.Minute},
		{"user-modules", userModules, step.Warn, 5 * time.Minute},
		{"write-files", writeFiles, step.Warn, 5 * time.Minute},
		{"deferred-files", deferredFiles, step.Warn, 5 * time.Minute},
		{"firewall", filter, step.Warn, 2 * time.Minute},
		{"network", changeNetwork, step.Warn, 5 * time.Minute},
		{"k3s-config", k3sConfig, step.Warn, 2 * time.Minute},
	}
}

// Reload applies a configuration to a running machine as far as possible, and returns the failures; each step runs even
// if others fail or hang.
func (m *Machine) Reload(ctx context.Context, c *config.Config) (failed []string) {
	next := Machine{Sys: m.Sys, Root: m.Root, Logf: m.Logf, Line: m.Line, Hostname: m.Hostname, Modules: m.Modules, Ctx: m.Ctx, Config: c,
		Filter: m.Filter, Keys: m.Keys, Fetch: m.Fetch, Net: m.Net}
	if fresh := (&Machine{Sys: m.Sys, Root: m.Root}); len(c.Modules) > 0 && openModules(fresh) == nil {
		next.Modules = fresh.Modules // knows the modules that the kernel has loaded on demand since the boot
	}
	next.timeline, _ = step.Run(ctx, step.Runner{List: "reload", Clock: SinceKernel, Bounded: true}, Reloads(), &next) // all are Warn
	next.SaveTimeline()
	return step.Failures(next.timeline)
}

// DocumentPlace returns where the configuration of this machine can be written.
func (m *Machine) DocumentPlace() (bootfile.Place, error) {
	if m.Place != nil {
		return m.Place()
	}
	if !m.OnDisk() {
		return bootfile.Place{}, fmt.Errorf("mode %s: the configuration lies on a medium that cannot be written; flash a disk", m.Line.Mode)
	}
	return slot.Files(m.Sys, BootDir, bootFlags), nil
}

// readHeld reads the configuration: that on trial, if this boot may use it, or that confirmed last.
func (m *Machine) readHeld(now time.Time) (inforce.Held, error) {
	t, why, trialErr := confirm.Start(m.Path(BootDir), m.DocumentPlace, now)
	if t != nil {
		m.Logf("config: this boot is with a configuration on trial; %s left for proa config confirm", t.Left(now).Round(time.Second))
		return inforce.ReadDocument(m.Root, m.Line.Raw)
	}
	held, err := inforce.ReadConfirmed(m.Root, m.Line.Raw)
	if why != "" {
		held.Problems = append(held.Problems, inforce.TakenBack(why))
	}
	if trialErr != nil {
		held.Problems = append(held.Problems, inforce.Problem("the configuration on trial: %v; it is not used", trialErr))
	}
	return held, err
}
