package upgrade

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/proa-os/proa/init/upgrade/journal"
	"github.com/proa-os/proa/init/upgrade/passed"
)

// Choice is what a machine does about the releases there are.
type Choice struct {
	Release Release // what to take; no Version: nothing
	Newest  string  // version of the newest release for this machine
	Why     string  // for people
	Runs    bool    // the newest, or wanted, release runs already
	later   bool    // its turn does not come soon, or never
	// Passed is a release that is newer than Newest, and that this machine cannot take; no Version: there is none.
	Passed passed.Release
}

// Take says whether there is a release to take.
func (c Choice) Take() bool { return c.Release.Version != "" }

// ErrNone is returned if a source has nothing for this machine.
var ErrNone = errors.New("there is no release for this machine")

// ErrOlder is returned for releases that come before one that this machine had: the image that runs, which a machine
// without a journal and without metadata has as well, or one that was good.
var ErrOlder = errors.New("nothing older is taken")

// older compares with the floor; a slot file has no sequence.
func older(r Release, floor int64) bool { return r.Sequence > 0 && r.Sequence < floor }

// Decide chooses a release. It is a pure function.
func Decide(m Machine, all []Release, j journal.Journal, o Options, now time.Time) (Choice, error) {
	mine, unfit, err := fitting(m, all)
	if err != nil {
		return Choice{}, err
	}
	newest, err := wanted(mine, unfit, o.Version)
	if err != nil {
		return Choice{}, err
	}
	d := decision{m, mine, j, o, now}
	c := Choice{Newest: newest.Version}
	if over := last(unfit); o.Version == "" && over.Sequence > newest.Sequence {
		c.Passed = passed.Release{Version: over.Version, Why: over.Unfit}
	}
	c, err = d.judge(c, newest)
	if err == nil && c.later && o.Version == "" {
		c = d.meanwhile(c, newest)
	}
	return c, err
}

// decision is what all releases of a source are judged with.
type decision struct {
	m    Machine
	mine []Release // for this machine
	j    journal.Journal
	o    Options
	now  time.Time
}

// judge decides about one release, newest, of those that are not newer.
func (d decision) judge(c Choice, newest Release) (Choice, error) {
	m, floor := d.m, max(d.m.Sequence, d.j.Sequence)
	switch {
	case newest.Root != "" && newest.Root == m.Root || newest.Root == "" && newest.Version == m.Version:
		c.Runs, c.Why = true, m.Version+" runs already"
		if d.o.Version == "" {
			c.Why = fmt.Sprintf("%s runs, and is the newest", m.Version)
		}
		if c.Passed.Version != "" {
			c.Why += " that this machine can take"
		}
		return c, nil
	case older(newest, floor) && !d.o.Again:
		return c, fmt.Errorf("%w: %s has sequence %d, this machine had %d; the server may be stale, try another one, or take it nevertheless: proa upgrade apply --again",
			ErrOlder, newest.Version, newest.Sequence, floor)
	}
	next, err := stone(m, d.mine, newest)
	if err == nil && older(next, floor) && !d.o.Again {
		err = fmt.Errorf("%w: %s, which is on the way to %s, has sequence %d, this machine had %d; release it again", ErrOlder, next.Version, newest.Version, next.Sequence, floor)
	}
	if err != nil {
		return c, err
	}
	return d.accept(c, next, newest), nil
}

// wanted returns the release with a version, or the newest.
func wanted(mine, unfit []Release, version string) (Release, error) {
	if version == "" {
		return last(mine), nil
	}
	is := func(r Release) bool { return r.Version == version }
	i := slices.IndexFunc(mine, is)
	if k := slices.IndexFunc(unfit, is); i < 0 && k >= 0 {
		return Release{}, fmt.Errorf("%w with the version %s: %s", ErrNone, version, unfit[k].Unfit)
	}
	if i < 0 {
		return Release{}, fmt.Errorf("%w with the version %s; proa upgrade check says what there is", ErrNone, version)
	}
	return mine[i], nil
}

// last returns the one with the highest sequence; none of none.
func last(list []Release) (r Release) {
	if len(list) > 0 {
		r = slices.MaxFunc(list, func(a, b Release) int { return cmp.Compare(a.Sequence, b.Sequence) })
	}
	return r
}

// fitting returns the releases for this machine, and those of its board that it cannot take, with the reason; the error
// says why there are none.
func fitting(m Machine, all []Release) (mine, unfit []Release, err error) {
	var boards []string
	for _, r := range all {
		if r.Unfit == "" {
			r.Unfit = r.Layouts(m.Layout)
		}
		switch {
		case r.Board != m.Board:
			boards = append(boards, r.Board)
		case r.Arch != "" && r.Arch != m.Arch:
			boards = append(boards, r.Board+" ("+r.Arch+")")
		case r.Unfit != "":
			unfit = append(unfit, r)
		default:
			mine = append(mine, r)
		}
	}
	slices.Sort(boards)
	switch {
	case len(mine) > 0:
		return mine, unfit, nil
	case len(unfit) > 0:
		return nil, nil, fmt.Errorf("%w: %s: %s", ErrNone, last(unfit).Version, last(unfit).Unfit)
	case len(boards) > 0:
		return nil, nil, fmt.Errorf("%w: this is the board %s (%s), and there are releases for %s", ErrNone, m.Board, m.Arch, strings.Join(slices.Compact(boards), ", "))
	}
	return nil, nil, ErrNone
}

// stone returns the release to take first on the way to the newest one.
func stone(m Machine, mine []Release, newest Release) (Release, error) {
	for _, version := range newest.Stones {
		if atLeast(m.Version, version) {
			continue
		}
		i := slices.IndexFunc(mine, func(r Release) bool { return r.Version == version })
		if i < 0 {
			return Release{}, fmt.Errorf("the way from %s to %s leads through %s, which is not there; keep stepping stones on the server", m.Version, newest.Version, version)
		}
		if newest = mine[i]; newest.From == "" || atLeast(m.Version, newest.From) {
			return newest, nil
		}
		break
	}
	if newest.From != "" && !atLeast(m.Version, newest.From) {
		if r := between(m, mine, newest); r.Version != "" {
			return r, nil
		}
		return Release{}, fmt.Errorf("%s replaces %s or later, and %s runs; take a release between them first", newest.Version, newest.From, m.Version)
	}
	return newest, nil
}

// between returns the newest release that can be taken now, and from which another one can be taken then; none if there is
// no such release.
func between(m Machine, mine []Release, newest Release) Release {
	return last(slices.DeleteFunc(slices.Clone(mine), func(r Release) bool {
		return r.Sequence >= newest.Sequence || !atLeast(r.Version, newest.From) || len(r.Stones) > 0 || r.From != "" && !atLeast(m.Version, r.From)
	}))
}
