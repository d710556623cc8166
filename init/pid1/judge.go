package pid1

import (
	"errors"
	"fmt"
	"time"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/health"
	"github.com/proa-os/proa/init/shutdown"
	"github.com/proa-os/proa/init/slot"
	"github.com/proa-os/proa/init/softswap"
	"github.com/proa-os/proa/init/upgrade/settle"
)

// heldFile stores what worked when a slot was last good. It is on the data partition, where a new slot finds it.
const heldFile = boot.StateDir + "/held.json"

// facts returns the inputs of the health check. It is called by the worker only.
func (k *keeper) facts() health.Facts {
	var other slot.Standing
	if k.slots != nil && k.now.Trial {
		other, _ = k.slots.Standing() // a state that cannot be read means no fallback; the status reports it
	}
	restarts := 0
	for _, v := range k.now.Services {
		if v.Name == "k3s" {
			restarts = v.Restarts
		}
	}
	return health.Facts{FailedSteps: k.failed, Route: k.now.DefaultRoute, IPv4Route: k.now.IPv4Route, K3s: k.m.Config.K3s.Enabled, NodeReady: k.now.NodeReady, K3sLine: k.now.K3s,
		ReadyFor: k.steady.Look(time.Now(), k.now.NodeReady, restarts), Restarts: restarts, Checks: k.checks.States(),
		Before: k.before, Trial: k.now.Trial, Fallback: other.Good, Deadline: k.deadline(), Elapsed: time.Since(k.began)}
}

// deadline returns the user's deadline; an invalid one was reported by config and is the default here.
func (k *keeper) deadline() time.Duration {
	d, err := time.ParseDuration(k.m.Config.Health.Deadline)
	if err != nil {
		d, _ = time.ParseDuration(config.Default().Health.Deadline) // a test of config parses every default
	}
	return d
}

// judge marks the slot good, or gives it up after the deadline.
func (k *keeper) judge() {
	f := k.facts()
	k.latest.Store(&f)
	if k.good || k.slots == nil {
		return
	}
	j := health.Judge(f)
	if j.Verdict == health.Good {
		k.markGood()
		return
	}
	changed := j.Condition != k.judged.Condition || j.Verdict != k.judged.Verdict
	k.judged = j
	if changed {
		k.recordJudgement(j)
	}
	if changed && j.Verdict != health.Wait {
		k.con.Logf("slot %s %s", k.m.Line.Slot, j.Text(k.deadline()))
	}
	if j.Verdict == health.GiveUp {
		softswap.Back(k.m)
		k.end(fmt.Sprintf("slot %s is %s", k.m.Line.Slot, j.Text(k.deadline())), shutdown.Reboot)
	}
}

// recordJudgement records the failing condition, in case the machine hangs or is switched off meanwhile.
func (k *keeper) recordJudgement(j health.Judgement) {
	step := "health: " + j.Condition
	switch j.Verdict {
	case health.Wait:
		k.m.Box.Begin(step)
	case health.GiveUp:
		k.m.Box.GiveUp(step, j.Why)
	case health.Stay:
		k.m.Box.Failed(step, j.Why)
	}
}

// holds returns what the next slot is compared with.
func (k *keeper) holds() health.Held {
	h := health.Held{DefaultRoute: k.now.DefaultRoute, IPv4Route: k.now.IPv4Route}
	for _, f := range k.failed {
		h.FailedSteps = append(h.FailedSteps, f.Step)
	}
	return h
}

// bless marks the slot good. It takes the lock of the verbs without waiting, because it is repeated soon.
func (k *keeper) bless() error {
	lock, err := k.lock(0)
	if err != nil {
		return err
	}
	defer lock.Close()
	return k.slots.Good()
}

func (k *keeper) markGood() {
	err := k.bless()
	if errors.Is(err, slot.ErrBusy) {
		return
	}
	if err != nil {
		if k.goodErr != err.Error() {
			k.goodErr = err.Error()
			k.con.Logf("slot %s cannot be marked good: %v", k.m.Line.Slot, err)
		}
		return
	}
	k.good, k.goodErr, k.judged = true, "", health.Judgement{Verdict: health.Good}
	k.checks.Stop()
	k.watchAfterGood()
	if k.m.Box != nil {
		_, watched := k.day.Watched()
		k.m.Box.Good(watched)
		k.m.ReadBox(layout.Shared)
	}
	if err := health.Save(k.m.Sys.WriteFile, k.held, k.holds()); err != nil {
		k.con.Logf("health: save the state that the next slot is compared with: %v", err)
	}
	settle.Record(k.m, true)
	k.con.Logf("status slot %s good", k.m.Line.Slot)
	k.refresh()
}
