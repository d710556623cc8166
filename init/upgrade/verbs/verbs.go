// Package verbs is what proa upgrade does, and the service that does it by schedule. It reads the configuration in force,
// and refuses to run twice at once. The engine decides and writes.
package verbs

import (
	"context"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/config/pushlink"
	"github.com/proa-os/proa/config/wayback"
	"github.com/proa-os/proa/init/clock"
	"github.com/proa-os/proa/init/fetch/stream"
	"github.com/proa-os/proa/init/meter"
	"github.com/proa-os/proa/init/slot"
	"github.com/proa-os/proa/init/slotwrite"
	"github.com/proa-os/proa/init/upgrade"
	"github.com/proa-os/proa/init/upgrade/claim"
	"github.com/proa-os/proa/init/upgrade/journal"
	"github.com/proa-os/proa/init/upgrade/origin"
	"github.com/proa-os/proa/init/upgrade/rehearse"
	"github.com/proa-os/proa/init/upgrade/schedule"
	"github.com/proa-os/proa/init/upgrade/transport"
)

// Env is the machine; tests replace it.
type Env struct {
	In       io.Reader // the host that pushes, or the answer to a question
	Out, Err io.Writer
	Root     string // prefix of files
	Config   *config.Config
	// Find returns this machine and its slot that does not run.
	Find func() (upgrade.Machine, slotwrite.Target, error)
	// Restart restarts the machine in order; Swap asks PID 1 for a soft swap.
	Restart func() error
	Swap    func(say func(line string)) error
	// RestartRuntime restarts k3s.
	RestartRuntime func() error
	// Repository reads signed metadata; nil: this system has no keys.
	Repository func(ctx context.Context, s transport.Source) (upgrade.Origin, error)
	// Give gives pieces of the slots to other machines until the context ends, at most so many bytes a second.
	Give     func(ctx context.Context, limit *transport.Bucket, say func(line string))
	Opener   transport.Opener // nil: proa-fetch
	Stage    *rehearse.Stage  // nil: nothing is rehearsed
	Patience transport.Patience

	pipe  func(context.Context) (*transport.Pipe, error)
	tried func(upgrade.Outcome)
	wait  time.Duration // for another run to end, beyond lockWait
}

// lockWait is for another command that is about to end, and for PID 1, which holds its lock for short times only.
const lockWait = 10 * time.Second

// Main runs one verb.
func (e Env) Main(ctx context.Context, verb string, args []string) error {
	switch verb {
	case "check", "fetch", "apply":
		return e.command(ctx, verb, args)
	case "restore-datastore":
		return e.restoreDatastore(ctx, args)
	case "status", "log":
		return e.read(verb, args)
	}
	return fmt.Errorf("unknown verb %q; want check, fetch, apply, status, log or restore-datastore", verb)
}

func (e Env) command(ctx context.Context, verb string, args []string) error {
	o, places, err := options(e.Err, verb, args)
	if err != nil {
		return err
	}
	if slices.Equal(places, []string{pushlink.Place}) {
		return e.pushed(ctx, o)
	}
	_, err = e.shown(ctx, o, places)
	return err
}

// shown makes one run, and shows how it goes and what can be done next.
func (e Env) shown(ctx context.Context, o upgrade.Options, places []string) (upgrade.Outcome, error) {
	bar := meter.New(e.Out)
	defer bar.End()
	out, err := e.run(ctx, o, places, bar.Tick, func(line string) { bar.End(); fmt.Fprintln(e.Out, line) })
	if err != nil {
		return out, err
	}
	bar.End()
	e.next(o, out)
	return out, nil
}

// options takes flags before and after the sources.
func options(w io.Writer, verb string, args []string) (o upgrade.Options, places []string, err error) {
	o = upgrade.Options{By: "command", Until: map[string]upgrade.Until{"check": upgrade.Check, "fetch": upgrade.Fetch, "apply": upgrade.Apply}[verb]}
	fs := flag.NewFlagSet("proa upgrade "+verb, flag.ContinueOnError)
	fs.SetOutput(w)
	fs.BoolVar(&o.Again, "again", false, "also a version that was given up, or an older one")
	stay := false
	if verb == "apply" {
		fs.BoolVar(&stay, "no-reboot", false, "leave the restart to whoever comes next")
		fs.BoolVar(&o.Unrehearsed, "skip-rehearsal", false, "do not try it on a copy of the datastore first")
	}
	for {
		if err := fs.Parse(args); err != nil {
			return o, nil, err
		}
		if args = fs.Args(); len(args) == 0 {
			o.Reboot = !stay
			return o, places, nil
		}
		places, args = append(places, args[0]), args[1:]
	}
}

// next says what can be done next.
func (e Env) next(o upgrade.Options, out upgrade.Outcome) {
	switch {
	case !out.Choice.Take():
	case o.Until == upgrade.Check && out.Written:
		fmt.Fprintln(e.Out, "to boot it: proa upgrade apply")
	case o.Until == upgrade.Check && out.Bytes >= 0:
		fmt.Fprintf(e.Out, "%s, at most %.1f MB; to take it: proa upgrade apply\n", out.Kind, float64(out.Bytes)/1e6)
	case o.Until == upgrade.Check:
		fmt.Fprintf(e.Out, "%s; to take it: proa upgrade apply\n", out.Kind)
	case o.Until == upgrade.Fetch:
		fmt.Fprintf(e.Out, "%s is written; to restart for a trial of it, run proa upgrade apply with the same source\n", out.Choice.Release.Version)
	case !o.Reboot:
		fmt.Fprintf(e.Out, "the next boot is a trial of %s; to restart now: proa reboot\n", out.Choice.Release.Version)
	}
}

// run makes one run of the engine, alone.
func (e Env) run(ctx context.Context, o upgrade.Options, places []string, tick func(string, int64, int64), say func(string)) (out upgrade.Outcome, err error) {
	lock, err := claim.Lock(e.Root+claim.LockFile, max(e.wait, lockWait))
	if err != nil {
		return out, err
	}
	defer lock.Close()
	m, t, err := e.Find()
	if err != nil {
		return out, err
	}
	t.Slots = upgrade.Locked(t.Slots, func() (io.Closer, error) { return slot.Lock(e.Root+slot.LockFile, lockWait) })
	if len(places) == 0 {
		places = e.Config.Upgrade.Source
	}
	o.Unrehearsed = o.Unrehearsed || e.Config.Upgrade.Rehearsal == "skip"
	o.Datastore = wayback.Policy(e.Config.Upgrade.Datastore)
	dir := e.Root + journal.Dir
	from, err := e.opener(dir, say).Open(ctx, places...)
	if err != nil {
		return out, err
	}
	defer from.Close()
	tick, near, done := upgrade.Told(e.Root+upgrade.ProgressFile, from.String(), tick)
	defer done()
	return upgrade.Engine{Origin: from, Machine: m, Options: o, Target: t, Dir: dir, Stage: e.Stage, Restart: e.Restart, Swap: e.swap(time.Now(), clock.ReadState().Sure), Tried: e.tried, Progress: tick, Near: near, Say: say}.Run(ctx)
}

// swap returns what begins a trial by a soft swap, nil if the configuration does not permit one now. By a clock that is not
// sure nothing is within a window.
func (e Env) swap(now time.Time, sure bool) func(func(string)) error {
	u := e.Config.Upgrade
	window := schedule.Of(u, time.Local).Window
	if u.Swap == "always" || u.Swap == "window" && (!window.Set || sure && window.Next(now, 0).Equal(now)) {
		return e.Swap
	}
	return nil
}

func (e Env) opener(dir string, say func(string)) origin.Opener {
	c := e.Config
	web := func(urls ...string) (*transport.Web, error) {
		var o transport.Opener = stream.Client{Environment: c.Environment}
		if e.Opener != nil {
			o = e.Opener
		}
		w, err := transport.NewWeb(o, urls...)
		if err != nil {
			return nil, err
		}
		w.CAs, w.Hosts, w.Limit, w.Patience = c.CACerts, c.Upgrade.RedirectHosts, transport.NewBucket(rate(c.Upgrade.Bandwidth)), e.Patience
		w.Logf = func(format string, args ...any) { say("going on after: " + fmt.Sprintf(format, args...)) }
		return w, nil
	}
	return origin.Opener{Web: web, Pipe: e.pipe, Repository: e.Repository, Mark: upgrade.Marks(dir)}
}

// rate reads upgrade.bandwidth, which config has checked; 0: no limit.
func rate(s string) int64 {
	digits := strings.TrimRight(s, "kM")
	n, _ := strconv.ParseInt(digits, 10, 64)
	return n * map[string]int64{"": 1, "k": 1000, "M": 1000_000}[s[len(digits):]]
}
