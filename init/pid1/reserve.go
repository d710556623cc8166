package pid1

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/reserve"
)

// reserveEvery is short because a disk fills at some tens of MiB per second at most, and the reserve must be released
// before the last block is used.
const reserveEvery = 5 * time.Second

// keepReserve manages the reserve of disk space in its own goroutine, because a disk that hangs may block it forever.
func (k *keeper) keepReserve(ctx context.Context) {
	if !k.m.OnDisk() || k.m.DataErr != nil {
		return
	}
	r := reserve.Reserve{Path: boot.DataDir + "/reserve", Dir: boot.DataDir}
	for ctx.Err() == nil {
		k.full.note(r.Look())
		if said := k.full.say(); said != "" {
			k.con.Logf("status %s", said)
		}
		select {
		case <-ctx.Done():
		case <-time.After(reserveEvery):
		}
	}
}

// fullness is the state of the data partition's free space.
type fullness struct {
	problem atomic.Pointer[string] // for the status; nil: enough space
	last    string                 // last line on the console
	now     string
}

func (f *fullness) note(s reserve.State, err error) {
	switch {
	case err != nil:
		f.now = "reserve: " + err.Error()
	case s.Full && s.Changed, s.Full && f.problem.Load() == nil:
		f.now = s.String()
	case s.Held && f.problem.Load() != nil:
		f.now = s.String()
	}
	switch {
	case err == nil && s.Held:
		f.problem.Store(nil)
	case err != nil, s.Full && f.problem.Load() == nil:
		text := f.now
		f.problem.Store(&text)
	}
}

// say returns the problem if it is new.
func (f *fullness) say() string {
	if f.now == f.last {
		return ""
	}
	f.last = f.now
	return f.now
}
