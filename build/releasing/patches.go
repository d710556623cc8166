package releasing

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/proa-os/proa/build/tufrepo"
	"github.com/proa-os/proa/images/payload"
)

// DefaultPatches is how many patches a release has if nobody says: each takes as much work as a build and lies on the
// server, and a device that comes from an older release takes what it does not have from "full".
const DefaultPatches = 10

// patches makes patches from the newest older releases of the board: those that were named, and those in the directory.
// Others that the release had are no longer listed.
func (j *job) patches(s *Slot, c contents, earlier []string) error {
	most := cmp.Or(j.Patches, DefaultPatches)
	kept := map[string]bool{j.target(s, payload.Patch(s.Manifest.Root.Hash)): false}
	for _, file := range earlier {
		if len(kept) > most {
			break
		}
		if err := j.patchFrom(s, c, file, kept); err != nil {
			return fmt.Errorf("patch from %s: %w", file, err)
		}
	}
	for _, t := range j.repo.Targets() {
		if strings.HasPrefix(t.Path, j.target(s, "")+"/") && strings.HasSuffix(t.Path, patchSuffix) && !kept[t.Path] {
			if err := j.repo.RemoveTarget(t.Path); err != nil {
				return err
			}
		}
	}
	return nil
}

// patchSuffix ends the names of patches.
const patchSuffix = ".patch"

// patchFrom makes the patch from one slot file, unless that is of another board or has the same root as one before.
func (j *job) patchFrom(s *Slot, c contents, file string, kept map[string]bool) error {
	old, err := OpenSlot(file)
	if err != nil {
		return err
	}
	name := j.target(s, payload.Patch(old.Manifest.Root.Hash))
	if _, done := kept[name]; !done && old.Manifest.Board == s.Manifest.Board {
		kept[name] = true
		err = j.payload(s, c, old)
	}
	return errors.Join(err, old.Close())
}

// earlier returns the slot files of older releases, those that were named first, then the newest.
func (j *job) earlier(s *Slot, sequence int64) (files []string, err error) {
	for _, from := range j.From {
		if filepath.Ext(from) == "."+slotName {
			old, err := OpenSlot(from)
			if err != nil {
				return nil, fmt.Errorf("--from %s: %w", from, err)
			}
			files = append(files, from)
			old.Close()
			continue
		}
		r, err := tufrepo.Open(from, j.Ring)
		if err == nil && len(r.Targets()) == 0 {
			err = errors.New("no release")
		}
		if err != nil {
			return nil, fmt.Errorf("--from %s: %w", from, err)
		}
		files = append(files, older(from, r, s.Manifest.Board, 0)...)
	}
	return append(files, older(j.Out, j.repo, s.Manifest.Board, sequence)...), nil
}

// older returns the slot files of a board's releases below a sequence, 0: of all, the newest first.
func older(dir string, r *tufrepo.Repo, board string, sequence int64) (files []string) {
	of := map[string]int64{} // by BOARD/VERSION
	for _, p := range releases(r) {
		of[path.Dir(p.Path)] = p.Sequence
	}
	var list []tufrepo.Listed
	for _, t := range r.Targets() {
		if strings.HasPrefix(t.Path, board+"/") && path.Base(t.Path) == slotName {
			list = append(list, t)
		}
	}
	at := func(t tufrepo.Listed) int64 { return of[path.Dir(t.Path)] }
	slices.SortStableFunc(list, func(a, b tufrepo.Listed) int { return cmp.Compare(at(b), at(a)) })
	for _, t := range list {
		if sequence == 0 || at(t) < sequence {
			files = append(files, filepath.Join(dir, tufrepo.TargetsDir, filepath.FromSlash(t.File())))
		}
	}
	return files
}

// sweep removes patches that neither the newest metadata names nor that before it, which devices may still follow.
func (j *job) sweep() error {
	former, err := j.repo.Former()
	if err != nil {
		return err
	}
	named := map[string]bool{}
	for _, t := range append(former, j.repo.Targets()...) {
		named[t.File()] = true
	}
	top := filepath.Join(j.Out, tufrepo.TargetsDir)
	return filepath.WalkDir(top, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, patchSuffix) {
			return err
		}
		rel, err := filepath.Rel(top, name)
		if err != nil || named[filepath.ToSlash(rel)] {
			return err
		}
		return os.Remove(name)
	})
}
