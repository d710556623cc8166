// Package relock updates the lock of Debian packages to what a mirror has: it resolves the sets of all boards for `proa
// lock`, and replaces packages that the mirror no longer serves with newer ones. It never changes the repository's lock
// by itself. --locked is the caller's concern.
package relock

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/build/apt"
	"github.com/proa-os/proa/build/pin"
	"github.com/proa-os/proa/build/pin/debian"
	"github.com/proa-os/proa/build/sets"
)

// Sets returns the sets that builds on a host of that architecture use, for all boards.
func Sets(host string) ([]pin.Set, error) {
	list := []pin.Set{debian.Tools(host), debian.Oracles(host), debian.Emulator(host)}
	all, err := boards.All()
	if err != nil {
		return nil, err
	}
	for _, b := range all {
		for _, s := range slices.Concat(sets.All(b), sets.Modules(host, b), []pin.Set{debian.Compiler(host, pin.DebianArch(b.Arch))}) {
			if !slices.ContainsFunc(list, func(have pin.Set) bool { return have.ID() == s.ID() }) {
				list = append(list, s)
			}
		}
	}
	return list, nil
}

// Renew rewrites the lock with the newest packages of every architecture that can be resolved, and reports the changes.
func Renew(ctx context.Context, file, dir, host string, out io.Writer) error {
	old, err := pin.Load(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	sets, err := Sets(host)
	if err != nil {
		return err
	}
	fresh := pin.Lock{Date: time.Now().UTC().Truncate(24 * time.Hour), Sets: map[string][]pin.Package{}}
	for _, group := range ByArch(sets) {
		found, err := Resolve(ctx, dir, group, out)
		if err != nil {
			found, err = Keep(old, group, err, out)
		}
		if err != nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		maps.Copy(fresh.Sets, found)
	}
	if maps.EqualFunc(old.Sets, fresh.Sets, slices.Equal) {
		fmt.Fprintln(out, "nothing newer")
		return nil
	}
	if err := fresh.Save(file); err != nil {
		return err
	}
	for _, line := range Changes(old, fresh) {
		fmt.Fprintln(out, line)
	}
	return nil
}

// Resolve asks the mirror for the newest packages of sets, leaders before followers; dir has apt's private directories.
func Resolve(ctx context.Context, dir string, sets []pin.Set, out io.Writer) (map[string][]pin.Package, error) {
	found := map[string][]pin.Package{}
	states := map[string]*apt.State{}
	for _, s := range sets {
		fmt.Fprintf(out, "asking for %s\n", s.ID())
		s, err := s.Of(found[s.Follows])
		if err != nil {
			return nil, err
		}
		if states[s.Arch] == nil {
			state, err := apt.Open(ctx, filepath.Join(dir, "apt"), s.Arch)
			if err != nil {
				return nil, err
			}
			states[s.Arch] = state
		}
		list, err := states[s.Arch].Resolve(ctx, s)
		if err != nil {
			return nil, err
		}
		slices.SortFunc(list, func(a, b pin.Package) int { return cmp.Compare(a.Name, b.Name) })
		found[s.ID()] = list
	}
	return found, nil
}

// ByArch groups sets by architecture, because a mirror updates the package lists of architectures one after the other.
// A set that follows another one is in its leader's group.
func ByArch(sets []pin.Set) (groups [][]pin.Set) {
	index := map[string]int{}
	for _, s := range sets {
		arch := path.Base(s.Leader())
		i, ok := index[arch]
		if !ok {
			i, groups = len(groups), append(groups, nil)
			index[arch] = i
		}
		groups[i] = append(groups[i], s)
	}
	return groups
}

// Keep returns the old packages of sets that cannot be resolved because of err. It returns err if there are none, or if
// the sets have changed since.
func Keep(old pin.Lock, sets []pin.Set, err error, out io.Writer) (map[string][]pin.Package, error) {
	kept := map[string][]pin.Package{}
	for _, s := range sets {
		list, ok := old.Sets[s.ID()]
		if !ok || !complete(s, list) {
			return nil, err
		}
		kept[s.ID()] = list
	}
	fmt.Fprintf(out, "%s keeps its packages, because: %v\n", sets[0].Arch, err)
	return kept, nil
}

// complete says whether list has every package that the set names itself. A kernel's packages are known to its
// metapackage only.
func complete(s pin.Set, list []pin.Package) bool {
	return s.Follows != "" || !slices.ContainsFunc(s.Packages, func(name string) bool {
		return !slices.ContainsFunc(list, func(p pin.Package) bool { return p.Name == name })
	})
}

// Changes lists the differences between two locks.
func Changes(old, fresh pin.Lock) (out []string) {
	for _, id := range slices.Sorted(maps.Keys(fresh.Sets)) {
		was := map[string]string{}
		for _, p := range old.Sets[id] {
			was[p.Name] = p.Version
		}
		for _, p := range fresh.Sets[id] {
			switch v := was[p.Name]; v {
			case p.Version:
			case "":
				out = append(out, fmt.Sprintf("%s: %s is new", id, p))
			default:
				out = append(out, fmt.Sprintf("%s: %s, was %s", id, p, v))
			}
			delete(was, p.Name)
		}
		for _, name := range slices.Sorted(maps.Keys(was)) {
			out = append(out, fmt.Sprintf("%s: %s is gone", id, name))
		}
	}
	return out
}
