package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/build/apt"
	"github.com/proa-os/proa/build/pin"
	"github.com/proa-os/proa/build/recipe"
)

const lockHelp = `
It asks the mirror the host's apt is configured with (or PROA_MIRROR and PROA_SECURITY_MIRROR) for the
newest packages of Debian trixie, with its updates and security updates, and writes build/pin/debian.lock.
A build uses exactly what the lock names. Commit the file.

  proa lock`

func lockVerb(ctx context.Context, c *call) error {
	repo, err := repository()
	if err != nil {
		return err
	}
	dir, err := cacheDir()
	if err != nil {
		return err
	}
	file := filepath.Join(repo, lockFile)
	old, err := pin.Load(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	fresh, err := resolve(ctx, dir, c.out)
	if err != nil {
		return err
	}
	if maps.EqualFunc(old.Sets, fresh.Sets, slices.Equal) {
		fmt.Fprintln(c.out, "nothing newer")
		return nil
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	if err := errors.Join(fresh.Write(f), f.Close()); err != nil {
		return err
	}
	for _, line := range changes(old, fresh) {
		fmt.Fprintln(c.out, line)
	}
	return nil
}

// wanted lists the sets of all boards.
func wanted() ([]pin.Set, error) {
	list := []pin.Set{pin.Tools(hostArch()), pin.Oracles(hostArch()), pin.Emulator(hostArch())}
	all, err := boards.All()
	if err != nil {
		return nil, err
	}
	have := map[string]bool{}
	for _, b := range all {
		arch := recipe.DebianArch(b.Arch)
		for _, s := range []pin.Set{pin.Boot(arch), pin.Root(arch), pin.Kernel(arch, b.Kernel.Package)} {
			if !have[s.ID()] {
				have[s.ID()] = true
				list = append(list, s)
			}
		}
	}
	return list, nil
}

func resolve(ctx context.Context, dir string, out io.Writer) (pin.Lock, error) {
	sets, err := wanted()
	if err != nil {
		return pin.Lock{}, err
	}
	lock := pin.Lock{Date: time.Now().UTC().Truncate(24 * time.Hour), Sets: map[string][]pin.Package{}}
	states := map[string]*apt.State{}
	for _, s := range sets {
		fmt.Fprintf(out, "asking for %s\n", s.ID())
		if states[s.Arch] == nil {
			if states[s.Arch], err = apt.Open(ctx, filepath.Join(dir, "apt"), s.Arch); err != nil {
				return lock, err
			}
		}
		list, err := states[s.Arch].Resolve(ctx, s)
		if err != nil {
			return lock, err
		}
		slices.SortFunc(list, func(a, b pin.Package) int { return cmp.Compare(a.Name, b.Name) })
		lock.Sets[s.ID()] = list
	}
	return lock, nil
}

// changes says what a new lock has that the old one had not.
func changes(old, fresh pin.Lock) (out []string) {
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
