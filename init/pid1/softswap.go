package pid1

import (
	"context"
	"errors"
	"fmt"

	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/inforce"
	"github.com/proa-os/proa/init/shutdown"
	"github.com/proa-os/proa/init/softswap"
)

// swapVerb begins a soft swap to the slot on trial. If that is not possible the error says why, and nothing has changed.
func (k *keeper) swapVerb(ctx context.Context, _ string, say func(string)) error {
	if !k.swapping.CompareAndSwap(false, true) {
		return errors.New("a soft swap is under way already")
	}
	m, err := boot.Running(k.m.Sys)
	if err != nil {
		k.swapping.Store(false)
		return err
	}
	m.Logf, m.Flush = k.con.Logf, k.con.Flush
	s := &softswap.Swap{M: m, DataErr: k.m.DataErr, Stop: k.leaveServices, Save: k.saveForSwap}
	for _, c := range k.conf.left() {
		if c.When == inforce.Machine {
			s.Config = append(s.Config, c.Key)
		}
	}
	if err := s.Prepare(ctx); err != nil {
		k.swapping.Store(false)
		return err
	}
	say(s.String())
	k.pass(ending{why: s.String(), take: s.Take})
	return nil
}

// take goes on as PID 1 of the new root. If that fails it returns the restart that has to follow. The watchdogs are fed
// meanwhile: each step has a limit.
func (k *keeper) take(ctx context.Context, e ending) ending {
	defer k.keepFeeding()()
	return ending{why: fmt.Sprintf("%s: %v", e.why, e.take(ctx)), how: shutdown.Reboot}
}

// leaveServices ends everything that PID 1 has started, and nothing that k3s has started.
func (k *keeper) leaveServices() { k.stopWith(k.sup.LeaveAll) }

func (k *keeper) saveForSwap() error {
	k.saveClock()
	return k.day.Ended()
}
