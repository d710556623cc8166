package relock

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"slices"

	"github.com/proa-os/proa/build/command"
	"github.com/proa-os/proa/build/pin"
)

// NotOlder refuses packages that are older than those in the lock. A mirror's lists stay validly signed for the life of
// the release: a mirror that is out of date, or an attacker who replays old lists, could silently downgrade packages
// and undo security fixes.
func NotOlder(ctx context.Context, old, fresh map[string][]pin.Package) error {
	var all error
	for _, id := range slices.Sorted(maps.Keys(fresh)) {
		was := map[string]string{}
		for _, p := range old[id] {
			was[p.Name] = p.Version
		}
		for _, p := range fresh[id] {
			if was[p.Name] == "" || was[p.Name] == p.Version {
				continue
			}
			older, err := older(ctx, p.Version, was[p.Name])
			if older {
				err = fmt.Errorf("%s: the mirror has %s, and the lock the newer %s", id, p, was[p.Name])
			}
			all = errors.Join(all, err)
		}
	}
	if all != nil {
		return fmt.Errorf("%w\nhint: the mirror is out of date, or an attacker replays an old state of it; the lock was not changed. Set PROA_MIRROR and PROA_SECURITY_MIRROR to another mirror", all)
	}
	return nil
}

// older compares versions with dpkg, in Debian's order.
func older(ctx context.Context, a, b string) (bool, error) {
	_, err := command.Command{Argv: []string{"dpkg", "--compare-versions", a, "lt", b}}.Run(ctx)
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 1 {
		return false, nil
	}
	return err == nil, err
}
