// Package settle completes the record of an upgrade in PID 1. It only passes on what PID 1 knows: journal decides what
// that means.
package settle

import (
	"time"

	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/upgrade/journal"
)

// Record is called at the begin of a boot, and when the running slot was marked good. A record that cannot be written
// keeps nothing from running.
func Record(m *boot.Machine, good bool) {
	if !m.OnDisk() {
		return
	}
	f := Facts(m)
	f.Boot, f.Good = !good, good
	err := journal.Update(m.Path(journal.File), func(j *journal.Journal) bool { return j.Settle(f, time.Now()) })
	if err != nil {
		m.Logf("%v", err)
	}
}

// Facts returns what PID 1 knows of the slots.
func Facts(m *boot.Machine) journal.Facts {
	f := journal.Facts{Running: running(m)}
	for i := range m.Reports {
		if m.Reports[i].Slot == m.Line.Slot.Other() {
			f.Other = &m.Reports[i]
		}
	}
	return f
}

// GaveUp is called when the running slot, which was good, is given up: what upgraded to it is rolled back.
func GaveUp(m *boot.Machine, version, why string) {
	is := running(m)
	is.Version = version
	err := journal.Update(m.Path(journal.File), func(j *journal.Journal) bool { j.RollBack(is, why, time.Now()); return true })
	if err != nil {
		m.Logf("%v", err)
	}
}

func running(m *boot.Machine) journal.Release {
	return journal.Release{Root: journal.ShortRoot(m.Line.Root.Hash), Slot: m.Line.Slot}
}
