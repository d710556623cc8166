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

// NotOlder refuses packages that are older than those there were. A mirror's lists are signed for as long as the release lives: one that
// is behind, or that somebody feeds old lists, would take back fixes without anybody noticing.
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
		return fmt.Errorf("%w\nhint: the mirror is behind, or somebody shows it as it was; nothing of it was taken. Take another by PROA_MIRROR and PROA_SECURITY_MIRROR", all)
	}
	return nil
}

// older asks dpkg, which came with dpkg-deb, how Debian orders versions.
func older(ctx context.Context, a, b string) (bool, error) {
	_, err := command.Command{Argv: []string{"dpkg", "--compare-versions", a, "lt", b}}.Run(ctx)
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 1 {
		return false, nil
	}
	return err == nil, err
}
