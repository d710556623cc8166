package pid1

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/account"
	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/bootfile"
	"github.com/proa-os/proa/init/confirm"
	"github.com/proa-os/proa/init/inforce"
	"github.com/proa-os/proa/init/shutdown"
)

// trialEvery is the interval between two looks.
const trialEvery = 5 * time.Second

// followTrial puts a configuration on trial back when it is time. It does not run in the main loop, because it writes
// to a disk.
func (k *keeper) followTrial(ctx context.Context) {
	if s := k.trial.String(); s != "" {
		k.con.Logf("config: %s", s)
	}
	for tick := time.NewTicker(trialEvery); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case now := <-tick.C:
			if why := k.trial.Look(now, k.holdsNow()); why != "" {
				say := func(line string) { k.con.Logf("config: %s", line) }
				if err := k.putBack(ctx, why, say); err != nil {
					say(fmt.Sprintf("take the last change back: %v; trying again", err))
				}
			}
		}
	}
}

// holdsNow returns what a change must not cost.
func (k *keeper) holdsNow() (h confirm.Holds) {
	h.Route, h.IPv4Route = k.route()
	key, password, _ := account.Logins(k.conf.latest())
	for _, s := range k.sup.States() {
		switch s.Name {
		case "ssh":
			h.SSH = s.State == "ready" && (key || password)
		case "k3s":
			h.Ready = s.Facts.NodeReady
		}
	}
	return h
}

// latest is the configuration as read last.
func (c *conf) latest() *config.Config {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.next == nil {
		return config.Default()
	}
	return c.next
}

// putBack ends the trial with the old configuration, and undoes what the new one has done.
func (k *keeper) putBack(ctx context.Context, why string, say func(string)) error {
	err := k.endTrial(func(p bootfile.Place, t confirm.Trial) error { return confirm.PutBack(p, t, why) })
	if err != nil {
		return err
	}
	say("the change is taken back: " + why)
	if err := k.reloadVerb(ctx, "", say); err != nil {
		return err
	}
	k.conf.add(inforce.TakenBack(why))
	left := k.conf.left()
	switch {
	case slices.ContainsFunc(left, func(c inforce.Change) bool { return c.When == inforce.Machine }):
		say("restarting the machine, because the old configuration needs that")
		k.end("the change of the configuration was taken back: "+why, shutdown.Reboot)
	case len(left) > 0:
		say("restarting k3s")
		return k.restartVerb(ctx, "k3s", say)
	}
	return nil
}

// left returns the changes that are not in force yet.
func (c *conf) left() []inforce.Change {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held.Config == nil || c.next == nil {
		return nil
	}
	return inforce.Changes(c.held.Config, c.next)
}

// endTrial runs do for the trial whose file is there.
func (k *keeper) endTrial(do func(bootfile.Place, confirm.Trial) error) error {
	lock, err := k.lock(10 * time.Second)
	if err != nil {
		return err
	}
	defer lock.Close()
	err = confirm.End(k.m.Path(boot.BootDir), k.m.DocumentPlace, do)
	if err == nil || errors.Is(err, confirm.ErrNone) {
		k.trial.Set(nil, time.Now())
	}
	return err
}

// confirmVerb keeps the configuration on trial.
func (k *keeper) confirmVerb(ctx context.Context, _ string, say func(string)) error {
	err := k.endTrial(func(p bootfile.Place, t confirm.Trial) error {
		return confirm.Accept(p, t, filepath.Base(inforce.ConfigFile), filepath.Base(inforce.GoodFile))
	})
	if err != nil {
		return err
	}
	say("confirmed; the previous configuration is " + inforce.GoodFile)
	return k.reloadVerb(ctx, "", func(string) {})
}

// revertVerb takes the configuration on trial back at once.
func (k *keeper) revertVerb(ctx context.Context, _ string, say func(string)) error {
	return k.putBack(ctx, "proa config revert", say)
}
