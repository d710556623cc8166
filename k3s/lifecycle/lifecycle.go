// Package lifecycle starts the components of a process as soon as what they depend on is ready, and stops them in reverse
// order. When one ends, all end: it restarts nothing itself, and does not know what the components do.
package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/proa-os/proa/config/guard"
	"github.com/proa-os/proa/config/k3sflags"
)

const (
	readyPoll = 500 * time.Millisecond
	// stopWait is how long to wait for a component to stop before the next one is stopped. Data is safe: the datastore
	// commits every write.
	stopWait = 5 * time.Second
	// downWait is the limit for all components together.
	downWait = k3sflags.StopGrace - 5*time.Second
)

// Restart is the error of a component that requires an orderly restart of the process; pods keep running.
type Restart struct{ Why string }

func (r Restart) Error() string { return "restart: " + r.Why }

// running is one started component.
type running struct {
	Component
	cancel context.CancelFunc
	ready  chan struct{} // closed when ready
	done   chan struct{} // closed when Run returned
}

// Reporter receives what happens, for users.
type Reporter interface {
	Status(format string, args ...any)
	Failed(format string, args ...any) // why the process ends
}

// lifecycle is a list of started components.
type lifecycle struct {
	report Reporter
	failed chan error
	all    []*running
}

// Run starts each component as soon as its dependencies are ready. When one fails or the context ends it stops all and
// returns. The error is a Restart if a component requires one.
func Run(ctx context.Context, report Reporter, list []Component) error {
	l := lifecycle{report: report}
	l.failed = make(chan error, 2*len(list))
	for _, c := range list {
		run, cancel := context.WithCancel(context.WithoutCancel(ctx))
		l.all = append(l.all, &running{Component: c, cancel: cancel, ready: make(chan struct{}), done: make(chan struct{})})
		go l.start(run, l.all[len(l.all)-1], l.waitsFor(c))
	}
	var err error
	select {
	case err = <-l.failed:
		if restart := (Restart{}); errors.As(err, &restart) {
			l.report.Status("restarting: %s", restart.Why)
			break
		}
		l.report.Failed("%v", err)
	case <-ctx.Done():
	}
	l.stop(downWait)
	return err
}

func (l *lifecycle) waitsFor(c Component) (channels []chan struct{}) {
	for _, r := range l.all {
		if slices.Contains(c.After, r.Name) {
			channels = append(channels, r.ready)
		}
	}
	return channels
}

func (l *lifecycle) start(ctx context.Context, r *running, after []chan struct{}) {
	defer close(r.done)
	for _, ready := range after {
		select {
		case <-ready:
		case <-ctx.Done():
			return
		}
	}
	l.report.Status("%s: starting", r.Name)
	if r.Ready == nil {
		l.up(r)
	} else {
		go l.awaitReady(ctx, r)
	}
	err := guard.Call(func() error { return r.Run(ctx) }) // so that the component's name is reported
	if ctx.Err() != nil {
		return
	}
	if err == nil {
		err = errors.New("ended without an error")
	}
	l.failed <- fmt.Errorf("%s: %w", r.Name, err)
}

func (l *lifecycle) awaitReady(ctx context.Context, r *running) {
	for began := time.Now(); ; {
		if r.Ready(ctx) == nil {
			l.up(r)
			return
		}
		if r.Deadline > 0 && time.Since(began) > r.Deadline {
			l.failed <- fmt.Errorf("%s: not ready after %s: %w", r.Name, r.Deadline, r.Ready(ctx))
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(readyPoll):
		}
	}
}

func (l *lifecycle) up(r *running) {
	l.report.Status("%s: ready", r.Name)
	close(r.ready)
}

// stop cancels all components in reverse order. It does not wait for one that was never ready, because no other depends
// on it.
func (l *lifecycle) stop(within time.Duration) {
	end := time.Now().Add(within)
	for _, r := range slices.Backward(l.all) {
		r.cancel()
		select {
		case <-r.ready:
		default:
			continue
		}
		select {
		case <-r.done:
		case <-time.After(min(max(stopWait, r.Stop), time.Until(end))):
			l.report.Status("%s: did not stop in time, not waiting any longer", r.Name)
		}
	}
}
