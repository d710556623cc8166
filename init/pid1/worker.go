package pid1

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/proa-os/proa/init/shutdown"
)

// worker is the goroutine for work of the main loop that may block on a disk or a lock. The loop sends requests and
// receives results over channels.
type worker struct {
	asked  chan struct{} // requests a run
	looked chan bool     // result of a run: whether the slot is good
	ends   chan ending   // the machine must shut down

	seen    time.Time // of the main loop: time of the last result
	settled bool      // of the main loop: the slot is good
}

// ending is how the machine shuts down, and why.
type ending struct {
	why  string
	how  shutdown.End
	take func(context.Context) error // instead: go on with another root
}

func newWorker(now time.Time) worker {
	return worker{asked: make(chan struct{}, 1), looked: make(chan bool), ends: make(chan ending, 1), seen: now}
}

// ask requests a run without blocking: one pending request is enough.
func (w *worker) ask() {
	select {
	case w.asked <- struct{}{}:
	default:
	}
}

func (w *worker) end(why string, how shutdown.End) { w.pass(ending{why: why, how: how}) }

func (w *worker) pass(e ending) {
	select {
	case w.ends <- e:
	default: // a shutdown is pending already
	}
}

// work runs look for each request.
func (k *keeper) work(ctx context.Context, look func() bool) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-k.asked:
		}
		good := k.safely(look)
		select {
		case <-ctx.Done():
			return
		case k.looked <- good:
		}
	}
}

// safely recovers a panic, which would otherwise end PID 1 and the machine.
func (k *keeper) safely(look func() bool) (good bool) {
	defer func() {
		if p := recover(); p != nil {
			k.con.Logf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return look()
}

// firstPatience is how long the start waits for the first status file. A disk that hangs must not keep the machine from
// coming up.
const firstPatience = 10 * time.Second

func (k *keeper) firstLook() {
	k.ask()
	select {
	case k.settled = <-k.looked:
	case <-time.After(firstPatience):
		k.con.Logf("no status after %s: a disk does not answer", firstPatience)
	}
}

// silence is after how long the worker counts as blocked. Even the slowest card writes a boot state within seconds.
const silence = time.Minute

// limit ends a trial at its deadline if the worker, which normally does so, is blocked.
func (k *keeper) limit(now time.Time) {
	t, mute := k.m.Found.Trial, now.Sub(k.seen)
	if k.settled || !t.On || !t.Other.Good || now.Sub(k.began) < k.deadline() || mute < silence {
		return
	}
	why := fmt.Sprintf("not good after %s: a disk has not answered for %s", k.deadline(), mute.Round(time.Second))
	go k.m.Box.GiveUp("health: disk", why)
	k.end(fmt.Sprintf("slot %s is %s; restarting", k.m.Line.Slot, why), shutdown.Reboot)
}
