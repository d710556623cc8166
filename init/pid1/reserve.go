package pid1

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/reserve"
)

// reserveEvery: a disk fills at some tens of MiB a second at most, and the reserve is given back before it is full to the last block.
const reserveEvery = 5 * time.Second

// keepReserve looks after the reserve on data in a goroutine of its own: a disk that hangs may keep it for ever.
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

// fullness is what is told of the data partition's room.
type fullness struct {
	problem atomic.Pointer[string] // for the status; nil: there is room
	last    string                 // that stands on the console
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

// say is what is new, once.
func (f *fullness) say() string {
	if f.now == f.last {
		return ""
	}
	f.last = f.now
	return f.now
}
