package journal

import (
	"time"

	"github.com/proa-os/proa/config/nodeupgrade"
	"github.com/proa-os/proa/images/blackbox"
)

// Begin adds an entry and returns its number; the same release goes on with the entry of what was written before. One
// of another release that has not ended is aborted by this one, or was left by an engine that is no more.
func (j *Journal) Begin(e Entry) int {
	if old := j.Open(); old != nil && old.State != Writing && old.To.Root != "" && old.To.Root == e.To.Root {
		return old.ID
	} else if old != nil {
		why := "another upgrade was begun"
		if old.State == Writing {
			why = "the engine was ended while it worked"
		}
		old.end(Aborted, why, e.Began)
	}
	e.ID, e.State = 1, Writing
	if n := len(j.Entries); n > 0 {
		e.ID = j.Entries[n-1].ID + 1
	}
	j.Entries = append(j.Entries, e)
	return e.ID
}

// Fresh returns the number of an entry for a run that ended before it could begin one. If the last entry ended the same
// way, for the same reason, it is that one: a server that is down for a week takes one line.
func (j *Journal) Fresh(e Entry, r Result, reason string) int {
	if n := len(j.Entries); n > 0 {
		if last := j.Entries[n-1]; last.Result == r && last.Reason == short(reason) && last.By == e.By && last.Source == e.Source {
			return last.ID
		}
	}
	if j.Open() != nil { // of a slot that is written or on trial: it goes on
		return 0
	}
	return j.Begin(e)
}

// Open returns the last entry unless it has ended.
func (j *Journal) Open() *Entry {
	if n := len(j.Entries); n > 0 && j.Entries[n-1].State != Ended {
		return &j.Entries[n-1]
	}
	return nil
}

// Get returns an entry, nil if there is none.
func (j *Journal) Get(id int) *Entry {
	for i := range j.Entries {
		if j.Entries[i].ID == id {
			return &j.Entries[i]
		}
	}
	return nil
}

// End ends an entry.
func (j *Journal) End(id int, r Result, reason string, now time.Time) {
	if e := j.Get(id); e != nil {
		e.end(r, reason, now)
	}
}

func (e *Entry) end(r Result, reason string, now time.Time) {
	e.State, e.Result, e.Reason, e.Ended = Ended, r, reason, now
}

// Fold removes the last entry if it failed as the one before it did, by schedule: what is refused at every look takes one
// line.
func (j *Journal) Fold() {
	n := len(j.Entries)
	if n < 2 {
		return
	}
	last, before := j.Entries[n-1], &j.Entries[n-2]
	if last.By == before.By && last.By == "schedule" && last.Result == Failed && before.Result == Failed &&
		last.To == before.To && short(last.Reason) == before.Reason {
		before.Ended = last.Ended
		j.Entries = j.Entries[:n-1]
	}
}

// GaveUp returns why a release was given up, nil if it was not. Versions decide unless both root hashes are known.
func (j *Journal) GaveUp(r Release) *GivenUp {
	for i := len(j.GivenUp) - 1; i >= 0; i-- {
		g := &j.GivenUp[i]
		if g.Root != "" && r.Root != "" && g.Root == r.Root || (g.Root == "" || r.Root == "") && g.Version == r.Version {
			return g
		}
	}
	return nil
}

// giveUp remembers that a release was given up.
func (j *Journal) giveUp(r Release, reason string, now time.Time) {
	j.Forgive(r)
	j.GivenUp = append(j.GivenUp, GivenUp{r, now, short(reason)})
}

// Forgive forgets that a release was given up.
func (j *Journal) Forgive(r Release) (was bool) {
	for i := 0; i < len(j.GivenUp); i++ {
		if one := (&Journal{GivenUp: j.GivenUp[i : i+1]}); one.GaveUp(r) != nil {
			j.GivenUp, was = append(j.GivenUp[:i:i], j.GivenUp[i+1:]...), true
			i--
		}
	}
	return was
}

// Facts is what PID 1 knows.
type Facts struct {
	Running Release
	Boot    bool // this is the begin of a boot; otherwise the running slot was just marked good
	Good    bool // the running slot is good
	// Other is the black box's report about the slot that does not run; nil: there is none.
	Other *blackbox.Report
}

// Settle completes the open entry after a boot, and corrects one that had succeeded if its slot was given up since. It
// says whether it changed anything.
func (j *Journal) Settle(f Facts, now time.Time) bool {
	undone := f.Boot && j.undo(f.Other, now)
	return j.settle(f, now) || undone
}

// undo records that a slot was given up after it had been good.
func (j *Journal) undo(other *blackbox.Report, now time.Time) bool {
	if other == nil || other.Why == "" || other.Root == "" {
		return false
	}
	for i := range j.Entries {
		if e := j.Entries[i]; e.To.Root == other.Root && e.Result == Succeeded {
			j.RollBack(e.To, other.String(), now)
			return true
		}
	}
	return false
}

func (j *Journal) settle(f Facts, now time.Time) bool {
	e := j.Open()
	switch {
	case e == nil:
		return false
	case e.State == Writing && f.Boot:
		e.end(Aborted, "the machine was restarted before the slot was written", now)
	case !e.tried(f):
		return false
	case f.Running.Root == e.To.Root && f.Good:
		e.end(Succeeded, "", now)
		e.Judged = now
		j.Forgive(e.To)
		j.Sequence = max(j.Sequence, e.Sequence)
	case f.Running.Root != e.To.Root && f.Boot:
		reason := "the old slot was started again, by command or in the boot menu"
		if f.Other != nil && f.Other.GivenUp {
			reason, e.Lines = f.Other.String(), f.Other.Lines()
			e.boxed(f.Other.Console())
		}
		e.end(RolledBack, reason, now)
		e.Judged = now
		j.giveUp(e.To, reason, now)
	default:
		return false
	}
	return true
}

// boxed keeps the lines of the black box, unless the kernel has kept a panic: the black box has none of its lines.
func (e *Entry) boxed(lines []string) {
	if len(e.Console.Lines) == 0 && len(lines) > 0 {
		e.Console = nodeupgrade.Console{From: "black box", Lines: lines}
	}
}

// Lost returns the entry to which the end of a lost boot belongs: the one on trial; else the one whose slot was given up
// after it had been good, which Settle does not know yet; else, if the running slot is watched because it is new, the one
// that brought it. nil: none.
func (j *Journal) Lost(f Facts, watched bool) *Entry {
	if e := j.Open(); e != nil && e.tried(f) {
		return e
	}
	for i := len(j.Entries) - 1; i >= 0; i-- {
		e := &j.Entries[i]
		left := f.Other != nil && f.Other.Why != "" && e.To.Root == f.Other.Root
		if e.Result == Succeeded && e.To.Root != "" && (left || watched && e.To.Root == f.Running.Root) {
			return e
		}
	}
	return nil
}

// tried says whether the release was put on trial: by the engine, or by proa slot try.
func (e *Entry) tried(f Facts) bool {
	return e.State == Trying || e.State == Written && (f.Running.Root == e.To.Root || f.Other != nil && f.Other.GivenUp)
}

// RollBack records that the running release is left, by command or because its slot is given up, so that it does not come
// back by itself.
func (j *Journal) RollBack(running Release, reason string, now time.Time) {
	j.giveUp(running, reason, now)
	for i := len(j.Entries) - 1; i >= 0; i-- {
		if e := &j.Entries[i]; e.To.Root == running.Root && (e.State != Ended || e.Result == Succeeded) {
			e.end(RolledBack, reason, now)
			return
		}
	}
}
