package pid1

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/proa-os/proa/init/shutdown"
)

// worker is the goroutine that does for the main loop what may wait for a disk or a lock. The loop leaves a word in its mailbox and takes
// what comes of it from channels.
type worker struct {
	asked  chan struct{} // look once more
	looked chan bool     // it has looked, and the slot is good or not
	ends   chan ending   // the machine has to go down

	seen    time.Time // the main loop's: when it last heard of the worker
	settled bool      // the main loop's: the slot is good
}

// ending is how the machine goes down, and why.
type ending struct {
	why string
	how shutdown.End
}

func newWorker(now time.Time) worker {
	return worker{asked: make(chan struct{}, 1), looked: make(chan bool), ends: make(chan ending, 1), seen: now}
}

// ask does not wait: one look that is still to come sees all there is to see.
func (w *worker) ask() {
	select {
	case w.asked <- struct{}{}:
	default:
	}
}

func (w *worker) end(why string, how shutdown.End) {
	select {
	case w.ends <- ending{why, how}:
	default: // it is going down already
	}
}

// work looks whenever it is asked.
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

// safely: a panic here would be the end of PID 1, and with it of the machine.
func (k *keeper) safely(look func() bool) (good bool) {
	defer func() {
		if p := recover(); p != nil {
			k.con.Logf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return look()
}

// firstPatience is how long the start waits for the status file to be there. A disk that hangs must not keep the machine from being up.
const firstPatience = 10 * time.Second

func (k *keeper) firstLook() {
	k.ask()
	select {
	case k.settled = <-k.looked:
	case <-time.After(firstPatience):
		k.con.Logf("no status after %s: a disk does not answer", firstPatience)
	}
}

// silence is after how long the worker is taken for stuck. A boot state on the slowest card is written in seconds.
const silence = time.Minute

// limit ends a trial at its deadline though the worker, who judges it, is stuck.
func (k *keeper) limit(now time.Time) {
	t, mute := k.m.Found.Trial, now.Sub(k.seen)
	if k.settled || !t.On || !t.Other.Good || now.Sub(k.began) < k.deadline() || mute < silence {
		return
	}
	why := fmt.Sprintf("not good after %s: a disk has not answered for %s", k.deadline(), mute.Round(time.Second))
	go k.m.Box.GiveUp("health: disk", why)
	k.end("slot "+k.m.Line.Slot+" is "+why+"; restarting", shutdown.Reboot)
}
