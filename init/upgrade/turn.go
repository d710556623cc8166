package upgrade

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/proa-os/proa/init/upgrade/journal"
)

// soon is how long a machine waits for its turn rather than take an older release, and restart, twice.
const soon = 24 * time.Hour

// accept holds back what was given up, and what is not this machine's turn.
func (d decision) accept(c Choice, next, newest Release) Choice {
	if g := d.j.GaveUp(journal.Release{Version: next.Version, Root: journal.ShortRoot(next.Root)}); g != nil && !d.o.Again {
		c.Why = fmt.Sprintf("%s was given up on %s (%s); proa upgrade apply --again tries it again", next.Version, g.At.UTC().Format(time.DateOnly), g.Reason)
		return c
	}
	if at, ever := turn(d.m, next); d.o.Auto && (!ever || at.After(d.now)) {
		c.Why, c.later = notYet(next, at, ever), !ever || at.Sub(d.now) > soon
		return c
	}
	c.Release, c.later, c.Why = next, false, fmt.Sprintf("%s can replace %s", next.Version, d.m.Version)
	if next.Version != newest.Version {
		c.Why = fmt.Sprintf("%s can replace %s, on the way to %s", next.Version, d.m.Version, newest.Version)
	}
	return c
}

func notYet(r Release, at time.Time, ever bool) string {
	if !ever {
		return r.Version + " is not for all machines yet, and this one is in none of its waves; proa upgrade apply takes it now"
	}
	return fmt.Sprintf("%s is not for all machines yet; the turn of this one comes on %s UTC, and proa upgrade apply takes it now", r.Version, at.UTC().Format("2006-01-02 15:04"))
}

// meanwhile returns the newest release below one whose turn does not come soon that can be taken now: a roll-out that has
// begun does not hold back what the machine did not take before it began. If there is none, it is the choice as it was.
func (d decision) meanwhile(c Choice, newest Release) Choice {
	below := slices.DeleteFunc(slices.Clone(d.mine), func(r Release) bool { return r.Sequence >= newest.Sequence })
	slices.SortFunc(below, func(a, b Release) int { return cmp.Compare(b.Sequence, a.Sequence) })
	for _, r := range below {
		if other, err := d.judge(c, r); err == nil && other.Take() {
			other.Why += "; " + c.Why
			return other
		}
	}
	return c
}

// turn returns when this machine's turn comes; ever is false if it is in no wave.
func turn(m Machine, r Release) (at time.Time, ever bool) {
	if len(r.Waves) == 0 {
		return time.Time{}, true
	}
	place := Place(m.ID, r.Version)
	for _, w := range r.Waves {
		if place < float64(w.Percent) && (!ever || w.At.Before(at)) {
			at, ever = w.At, true
		}
	}
	return at, ever
}

// Place is a machine's place among all machines in a roll-out of a version, from 0 to 100, the same whenever it is asked.
func Place(id, version string) float64 {
	sum := sha256.Sum256([]byte(id + "\n" + version))
	return float64(binary.BigEndian.Uint64(sum[:])>>11) / (1 << 53) * 100
}
