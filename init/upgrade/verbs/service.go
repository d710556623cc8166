package verbs

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/proa-os/proa/init/clock"
	"github.com/proa-os/proa/init/upgrade"
	"github.com/proa-os/proa/init/upgrade/journal"
	"github.com/proa-os/proa/init/upgrade/schedule"
	"github.com/proa-os/proa/init/upgrade/transport"
)

// Service does by itself what the configuration says, and gives pieces to other machines, until the context ends. What it
// does is in its log.
func (e Env) Service(ctx context.Context) error {
	m, _, err := e.Find()
	if err != nil {
		return err
	}
	say := func(line string) { fmt.Fprintf(e.Out, "%s %s\n", time.Now().UTC().Format(time.RFC3339), line) }
	var giving sync.WaitGroup
	if e.Config.Upgrade.Peers && e.Give != nil {
		giving.Go(func() { e.Give(ctx, transport.NewBucket(rate(e.Config.Upgrade.Bandwidth)), say) })
	}
	defer giving.Wait()
	p := schedule.Of(e.Config.Upgrade, time.Local)
	if p.Off() {
		say("upgrade.automatic is off")
		<-ctx.Done()
		return nil
	}
	schedule.Service{Policy: p, ID: m.ID, Ready: e.ready, Sure: func() bool { return clock.ReadState().Sure }, Say: func(err error) { say(err.Error()) },
		Run: func(ctx context.Context, until upgrade.Until, reboot bool) error {
			out, err := e.run(ctx, upgrade.Options{By: "schedule", Until: until, Auto: true, Reboot: reboot}, nil, nil, say)
			if err == nil && out.Choice.Take() && until == upgrade.Fetch {
				say(out.Choice.Release.Version + " is in the other slot")
			}
			return err
		}}.Follow(ctx)
	return nil
}

// ready says whether the other slot has a release that waits for its trial.
func (e Env) ready() bool {
	j, _ := journal.Read(e.Root + journal.File) // a damaged one has none
	open := j.Open()
	return open != nil && open.State == journal.Written
}
