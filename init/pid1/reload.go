package pid1

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/images"
	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/console"
	"github.com/proa-os/proa/init/inforce"
	"github.com/proa-os/proa/init/netup"
	"github.com/proa-os/proa/init/service"
	"github.com/proa-os/proa/init/supervise"
)

// conf is the configuration after the boot. What boot has set up, and the main loop, use boot.Machine's, which never
// changes.
type conf struct {
	mu    sync.Mutex
	held  inforce.Held   // as written for other programs
	next  *config.Config // as read from the file last
	found []config.Problem
	one   sync.Mutex // serialises reloads
	write func(inforce.Held) error
}

func (c *conf) begin(m *boot.Machine) {
	c.held, c.next, c.found = m.InForce, m.Config, m.Problems
	c.write = func(h inforce.Held) error { return inforce.Save(m.Sys.WriteFile, h) }
	if m.Config != nil {
		copied := *m.Config
		c.held.Config = &copied
	}
}

func (c *conf) problems() []config.Problem {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.found
}

// add adds a problem found while the configuration was applied.
func (c *conf) add(p config.Problem) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.found = append(slices.Clip(c.found), p)
}

func (c *conf) ntpServers() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held.Config == nil {
		return nil
	}
	return slices.Clone(c.held.Config.NTP.Servers)
}

// took records that changes that waited for this have taken effect.
func (c *conf) took(when inforce.When, logf func(string, ...any)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	inforce.Take(c.held.Config, c.next, when)
	if err := c.write(c.held); err != nil {
		logf("config: %v", err)
	}
}

// read stores a new configuration, and returns the changes from the one in force.
func (c *conf) read(h inforce.Held) []inforce.Change {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next, c.found = h.Config, h.Problems
	c.held.Document, c.held.Sum, c.held.Problems = h.Document, h.Sum, h.Problems
	c.held.Sources, c.held.Origin = h.Sources, h.Origin
	return inforce.Changes(c.held.Config, h.Config)
}

// reloadVerb reads the configuration again and applies what can be applied to a running machine.
func (k *keeper) reloadVerb(ctx context.Context, _ string, say func(string)) error {
	k.conf.one.Lock()
	defer k.conf.one.Unlock()
	held, err := inforce.ReadDocument(k.m.Root, k.m.Line.Raw)
	if err != nil {
		return err
	}
	k.trial.Set(held.Trial, time.Now())
	changes := k.conf.read(held)
	for _, p := range held.Problems {
		k.con.Logf("config: %s", p)
	}
	for _, f := range k.m.Reload(ctx, held.Config) {
		k.con.Logf("config: %s", f)
		k.conf.add(config.Problem{File: inforce.ConfigFile, Message: f})
		say("not applied: " + f)
	}
	k.conf.took(inforce.Now, k.con.Logf)
	k.noteNTP()
	k.startRows(ctx, held.Config)
	k.m.Remote().Poke()
	inforce.Tell(changes, say)
	return nil
}

// startRows starts services that the configuration enables and that do not run yet, and those that follow it (SSH) anew
// with what it says, or ends them. Sessions of a server that ends continue.
func (k *keeper) startRows(ctx context.Context, c *config.Config) {
	facts := service.Facts{Config: c, Live: k.m.Line.Mode == images.Live, Consoles: console.Names(""), DataErr: k.m.DataErr, Reaper: k.reaper, Say: k.con.Logf, Network: netup.Served}
	rows, running := service.Table(facts), k.sup.States()
	for _, row := range rows {
		there := slices.ContainsFunc(running, func(s supervise.State) bool { return s.Name == row.Name })
		switch {
		case service.Follows(row.Name):
			k.sup.Ensure(ctx, row)
		case !there && (row.Name != "k3s" || k.m.Config.K3s.Enabled):
			k.sup.Start(ctx, row)
		}
	}
	for _, s := range running {
		if service.Follows(s.Name) && !slices.ContainsFunc(rows, func(r supervise.Service) bool { return r.Name == s.Name }) {
			k.sup.Remove(s.Name)
		}
	}
}
