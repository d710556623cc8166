package verbs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/proa-os/proa/config/pushlink"
	"github.com/proa-os/proa/init/upgrade"
	"github.com/proa-os/proa/init/upgrade/transport"
)

// pushWait is how long a push waits for another run to end: the one whose host has lost its connection notices that
// within transport's patience only.
const pushWait = 90 * time.Second

// ErrTold is returned by a run that failed, and whose host was told why.
var ErrTold = errors.New("the host was told")

// pushed makes a run with the host at the other end of standard input and output (proa push). What people read goes to
// standard error. A host that is gone, as after Ctrl-C, ends the run like a signal would.
func (e Env) pushed(ctx context.Context, o upgrade.Options) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	p, err := transport.NewPipe(ctx, e.In, e.Out, e.Patience.Stall, func() { stop(transport.ErrHostGone) })
	if err != nil {
		return err
	}
	e.Out, o.By, e.wait = e.Err, "push", pushWait
	e.tried = func(out upgrade.Outcome) { _ = p.Ended(outcome(out, nil)) } // the connection may end with the machine
	e.pipe = func(context.Context) (*transport.Pipe, error) { return p, nil }
	out, err := e.shown(ctx, o, []string{pushlink.Place})
	if told := p.Ended(outcome(out, err)); told != nil {
		return errors.Join(err, fmt.Errorf("%w: %w", transport.ErrHostGone, told))
	}
	if err != nil {
		return ErrTold
	}
	return nil
}

// outcome is how a run ended, for the host.
func outcome(out upgrade.Outcome, err error) pushlink.Ended {
	e := pushlink.Ended{Entry: out.Entry, Version: out.Choice.Release.Version, Why: out.Choice.Why, Runs: out.Choice.Runs, Written: out.Written, Trying: out.Trying}
	if e.Runs {
		e.Version = out.Choice.Newest
	}
	if err != nil {
		e.Error, e.Stopped = err.Error(), errors.Is(err, upgrade.ErrStopped)
	}
	return e
}
