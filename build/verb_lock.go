package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/proa-os/proa/build/apt"
	"github.com/proa-os/proa/build/pin"
	"github.com/proa-os/proa/build/relock"
)

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
	return relock.Renew(ctx, file, dir, hostArch(), c.out)
}

func lockedFlag(f *flag.FlagSet, o *options) {
	f.BoolVar(&o.locked, "locked", false, "refuse packages that are newer than the lock")
}

// substitutes returns the substitutes for packages of the lock that the mirror no longer has.
func substitutes(repo, dir string) relock.Substitutes {
	return relock.Substitutes{Lock: filepath.Join(repo, lockFile), Dir: dir, Host: hostArch()}
}

// substituting runs a verb, and runs it again with substitutes whenever it failed because the mirror no longer has
// packages of the lock.
func (c *call) substituting(ctx context.Context, run func(context.Context, *call) error) error {
	for {
		err := run(ctx, c)
		var gone *apt.GoneError
		if c.opts.locked || !errors.As(err, &gone) {
			return err
		}
		changed, failed := substitute(ctx, gone.Packages)
		if failed != nil || len(changed) == 0 {
			return errors.Join(err, failed)
		}
		fmt.Fprintf(os.Stderr, "the mirror no longer has what %s names; taking the newest instead (--locked refuses):\n", lockFile)
		for _, line := range changed {
			fmt.Fprintln(os.Stderr, "  "+line)
		}
	}
}

func substitute(ctx context.Context, packages []pin.Package) ([]string, error) {
	repo, err := repository()
	if err != nil {
		return nil, err
	}
	dir, err := cacheDir()
	if err != nil {
		return nil, err
	}
	return substitutes(repo, dir).Replace(ctx, packages, os.Stderr)
}

// loadLock returns the lock that builds use.
func loadLock(repo, dir string, o options) (pin.Lock, error) {
	if o.locked {
		return pin.Load(filepath.Join(repo, lockFile))
	}
	lock, substituted, err := substitutes(repo, dir).Load()
	if substituted {
		fmt.Fprintf(os.Stderr, "note: some packages are newer than %s, which the mirror no longer serves; `proa lock` renews it\n", lockFile)
	}
	return lock, err
}
