package pid1

import (
	"errors"
	"time"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/health"
	"github.com/proa-os/proa/init/shutdown"
	"github.com/proa-os/proa/init/slot"
)

// heldFile keeps what held when a slot was good last. It lies on data, where a new slot finds it again.
const heldFile = boot.StateDir + "/held.json"

// facts are what the gate looks at.
func (k *keeper) facts() health.Facts {
	var other slot.Standing
	if k.slots != nil {
		other, _ = k.slots.Standing() // a state that cannot be read leaves nothing to go back to; the status reports it
	}
	return health.Facts{FailedSteps: k.failed, Route: k.now.DefaultRoute, K3s: k.m.Config.K3s.Enabled, NodeReady: k.now.NodeReady, K3sLine: k.now.K3s,
		Before: k.before, Trial: k.now.Trial, Fallback: other.Good, Deadline: k.deadline(), Elapsed: time.Since(k.began)}
}

// deadline is the user's; what cannot be used was reported by config and is the default here.
func (k *keeper) deadline() time.Duration {
	d, err := time.ParseDuration(k.m.Config.Health.Deadline)
	if err != nil {
		d, _ = time.ParseDuration(config.Default().Health.Deadline) // a test of config parses every default
	}
	return d
}

// judge marks the slot good, or gives it up when its time is over.
func (k *keeper) judge() {
	if k.good || k.slots == nil {
		return
	}
	j := health.Judge(k.facts())
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
		k.end("slot "+k.m.Line.Slot+" is "+j.Text(k.deadline()), shutdown.Reboot)
	}
}

// recordJudgement leaves what is being waited for, so that a machine that hangs or is switched off meanwhile tells of it.
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

// holds is what the next slot is compared with.
func (k *keeper) holds() health.Held {
	h := health.Held{DefaultRoute: k.now.DefaultRoute}
	for _, f := range k.failed {
		h.FailedSteps = append(h.FailedSteps, f.Step)
	}
	return h
}

// bless takes the lock of the verbs, and does not wait for it: there is another look soon.
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
	if k.m.Box != nil {
		k.m.Box.Good()
		k.m.ReadBox(layout.Shared)
	}
	if err := health.Save(k.m.Sys.WriteFile, k.held, k.holds()); err != nil {
		k.con.Logf("what holds now is not kept: %v", err)
	}
	k.con.Logf("status slot %s good", k.m.Line.Slot)
	k.refresh()
}
