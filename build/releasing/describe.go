package releasing

import (
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/build/tufrepo"
	"github.com/proa-os/proa/images/releasemeta"
)

// published is a release in a directory, or one that this run has added.
type published struct {
	tufrepo.Listed // its manifest
	releasemeta.Release
}

func releases(r *tufrepo.Repo) (list []published) {
	for _, t := range r.Targets() {
		if path.Base(t.Path) != releasemeta.ManifestName {
			continue
		}
		if r, err := releasemeta.ParseRelease(t.Custom); err == nil {
			list = append(list, published{t, r})
		}
	}
	return list
}

// describe is what the metadata says of the slot. A version that is there already keeps its sequence, for another board
// too.
func (j *job) describe(s *Slot) (r releasemeta.Release, err error) {
	m := s.Manifest
	all, err := boards.All()
	if err != nil {
		return r, err
	}
	i := slices.IndexFunc(all, func(b boards.Board) bool { return b.Name == m.Board })
	if i < 0 {
		return r, fmt.Errorf("there is no board %q", m.Board)
	}
	list := releases(j.repo)
	seq, err := j.sequence(s, list)
	if err != nil {
		return r, err
	}
	r = releasemeta.Release{Board: m.Board, Arch: all[i].Arch, Layout: m.Layout, Version: m.Version, Sequence: seq, From: j.Least, Stones: j.Stones, Waves: j.Waves}
	for _, have := range list {
		switch same := have.Version == m.Version; {
		case have.Path == j.target(s, releasemeta.ManifestName) && have.SHA256 != sumOf(s.Text):
			return r, fmt.Errorf("version %s for the board %s was released with other contents; give the new release another version", m.Version, m.Board)
		case same && j.Sequence == 0:
			r.Sequence = have.Sequence
		case !same && have.Board == m.Board && have.Sequence == j.Sequence:
			return r, fmt.Errorf("--sequence %d is that of version %s; devices could not tell which of them is newer", j.Sequence, have.Version)
		}
	}
	return r, errors.Join(r.Check(), j.way(r, list))
}

// sequence orders the release after all that are there, and not before its own image: a device that runs it takes nothing
// with a lower sequence than that says.
func (j *job) sequence(s *Slot, list []published) (int64, error) {
	own, err := s.sequence()
	switch {
	case err != nil:
		return 0, err
	case j.Sequence == 0:
		for _, have := range list {
			own = max(own, have.Sequence+1)
		}
		return max(own, 1), nil
	case j.Sequence < own:
		return 0, fmt.Errorf("--sequence %d is less than that of the image itself, %d, below which devices that run it take nothing", j.Sequence, own)
	}
	return j.Sequence, nil
}

// way refuses stepping stones that devices could not take one after the other.
func (j *job) way(r releasemeta.Release, list []published) error {
	last := int64(0)
	for _, version := range r.Stones {
		i := slices.IndexFunc(list, func(p published) bool { return p.Board == r.Board && p.Version == version })
		if i < 0 {
			return fmt.Errorf("--stone %s: %s has no such release for the board %s; release it first", version, j.Out, r.Board)
		}
		stone := list[i].Sequence
		if stone <= last || stone >= r.Sequence {
			return fmt.Errorf("--stone %s: its sequence %d is not between %d and %d; name stones in the order of their releases", version, stone, last, r.Sequence)
		}
		last = stone
	}
	return nil
}
