package push

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/proa-os/proa/config/nodeupgrade"
	"github.com/proa-os/proa/config/pushlink"
)

// Times.
const (
	patience  = 20 * time.Second // for a node to say what it left after Ctrl-C
	reconnect = 5 * time.Minute  // without a connection while a slot is written
	pause     = 3 * time.Second  // between two looks
)

// node is a machine that is upgraded.
type node struct {
	name           string
	ssh            []string
	out            *lines
	asked, reached bool // by ssh
	before         nodeupgrade.Report
}

func (n *node) fail(code int, format string, args ...any) error {
	return &Failure{n.name, code, fmt.Errorf(format, args...)}
}

// upgrade upgrades the node and waits for the verdict.
func (n *node) upgrade(ctx context.Context, o Options, r *release) (err error) {
	if n.before, err = n.report(ctx); err != nil {
		return n.stopped(ctx, err)
	}
	n.out.say("%s", about(n.before))
	how, err := n.write(ctx, o, r)
	switch {
	case err != nil:
		return n.stopped(ctx, err)
	case how.Error != "":
		return n.stopped(ctx, fmt.Errorf("%s\n%s", how.Error, n.as()))
	case o.Check:
		return nil // the engine has said it
	case how.Runs:
		return n.runs(ctx, how, o.Wait)
	case how.Version == "":
		return n.fail(NotTaken, "it takes nothing: %s", how.Why)
	case !how.Trying:
		return n.fail(NotTaken, "the slot is not on trial\n%s", n.as())
	case o.NoReboot:
		return nil
	}
	return n.await(ctx, how, o.Wait)
}

// runs waits for the verdict if the version is on trial already, as after a push that was not waited for.
func (n *node) runs(ctx context.Context, how *pushlink.Ended, wait time.Duration) error {
	if last := n.before.Log.Last(); last != nil && last.State == nodeupgrade.Trying && last.To.Version == how.Version {
		how.Entry = last.ID
		return n.await(ctx, how, wait)
	}
	return nil
}

// about is one line about a node.
func about(r nodeupgrade.Report) string {
	text := fmt.Sprintf("%s runs in slot %s", r.Version, r.Slot)
	if r.Trial {
		text += ", on trial"
	}
	if r.Running != "" {
		text += "; another upgrade is " + r.Running
	}
	return text
}

// as says what is left as it was.
func (n *node) as() string {
	return fmt.Sprintf("%s runs in slot %s, as before; the same command tries again, and goes on where it was", n.before.Version, n.before.Slot)
}

// write has the engine write the release and put it on trial. It goes on by itself after the connection was lost.
func (n *node) write(ctx context.Context, o Options, r *release) (*pushlink.Ended, error) {
	verb := "apply"
	if o.Check {
		verb = "check"
	}
	if o.NoReboot && !o.Check {
		verb += " --no-reboot"
	}
	if o.Again {
		verb += " --again"
	}
	for since := time.Now(); ; {
		began := time.Now()
		how, err := n.engine(ctx, verb+" "+pushlink.Place, r)
		if err == nil || ctx.Err() != nil || !errors.Is(err, errSSH) && !errors.Is(err, pushlink.ErrLost) {
			return &how, err
		}
		if time.Since(began) > time.Minute {
			since = time.Now() // it worked for a while
		}
		n.out.say("%s; going on", strings.ReplaceAll(err.Error(), "\n", ": "))
		trying, err := n.again(ctx, since)
		if trying != nil || err != nil {
			return trying, err
		}
	}
}

// again waits until the node can be asked again, and looks whether the run that was lost has put the slot on trial.
func (n *node) again(ctx context.Context, since time.Time) (*pushlink.Ended, error) {
	for {
		if err := sleep(ctx, pause); err != nil {
			return nil, err
		}
		trying, err := n.trying(ctx)
		if err == nil {
			return trying, nil
		}
		if time.Since(since) > reconnect {
			return nil, fmt.Errorf("%w\nno connection for %s; as far as is known %s", err, reconnect, n.as())
		}
	}
}

// trying looks whether a run whose end was not heard has put the slot on trial; nil: it has not.
func (n *node) trying(ctx context.Context) (*pushlink.Ended, error) {
	r, err := n.report(ctx)
	if err != nil {
		return nil, err
	}
	last, before := r.Log.Last(), n.before.Log.Last()
	if last == nil || last.By != "push" || last.Tried.IsZero() || before != nil && before.ID == last.ID && before.State == nodeupgrade.Ended {
		return nil, nil
	}
	return &pushlink.Ended{Entry: last.ID, Version: last.To.Version, Written: true, Trying: true}, nil
}

// await waits through the restart for the verdict about the new version.
func (n *node) await(ctx context.Context, how *pushlink.Ended, wait time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, wait, errLate)
	defer cancel()
	said := ""
	say := func(text string) {
		if text != said {
			said = text
			n.out.say("%s", text)
		}
	}
	for began := time.Now(); ; {
		r, err := n.report(ctx)
		if err == nil {
			if e := r.Log.Get(how.Entry); e != nil && e.State == nodeupgrade.Ended {
				return n.verdict(*e, time.Since(began))
			}
		}
		say(state(n.before.Boot, how, r, err))
		if err := sleep(ctx, pause); err != nil {
			return n.unknown(ctx, how, said)
		}
	}
}

// errLate is the cause of a context whose time is over.
var errLate = errors.New("time is over")

// state is what is waited for.
func state(boot string, how *pushlink.Ended, r nodeupgrade.Report, err error) string {
	switch {
	case err != nil:
		return "it is restarting"
	case r.Boot == boot && !r.Trial:
		return "it is about to restart"
	case r.Health != "":
		return fmt.Sprintf("slot %s, %s: %s", r.Slot, how.Version, r.Health)
	}
	return fmt.Sprintf("slot %s is on trial with %s", r.Slot, how.Version)
}

// verdict is how the attempt ended.
func (n *node) verdict(e nodeupgrade.Attempt, took time.Duration) error {
	switch e.Result {
	case nodeupgrade.Succeeded:
		n.out.say("%s runs in slot %s and is good, %s after the restart began", e.To.Version, e.To.Slot, took.Round(time.Second))
		return nil
	case nodeupgrade.RolledBack:
		for _, line := range e.Lines {
			n.out.say("  %s", line)
		}
		for _, line := range e.Console.Lines {
			n.out.say("  | %s", line)
		}
		return n.fail(FellBack, "it fell back from %s to %s: %s\n%s is not taken again there by itself; --again takes it", e.To.Version, e.From.Version, e.Reason, e.To.Version)
	}
	return n.fail(NotTaken, "%s: %s", e.Result, e.Reason)
}

// unknown says what is left to the node.
func (n *node) unknown(ctx context.Context, how *pushlink.Ended, last string) error {
	if errors.Is(context.Cause(ctx), errLate) {
		return n.fail(NoVerdict, "it has not told how it ended; last: %s\nlook at its console; proa upgrade log on it tells more", last)
	}
	return n.fail(interrupts, "not waited for: it decides by itself whether %s is good; proa upgrade log on it tells how it ended", how.Version)
}

// stopped is a failure before the trial; after Ctrl-C it says what that left.
func (n *node) stopped(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return n.fail(NotTaken, "%w", err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	if how, _ := n.trying(ctx); how != nil {
		return n.fail(interrupts, "stopped; its next boot is a trial of %s, which it may have begun: proa upgrade log on it tells how it ended", how.Version)
	}
	if n.before.Version == "" {
		return n.fail(interrupts, "stopped; nothing was changed there")
	}
	return n.fail(interrupts, "stopped; %s", n.as())
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
