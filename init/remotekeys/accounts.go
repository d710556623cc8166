package remotekeys

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/config/step"
	"github.com/proa-os/proa/init/account"
)

// Accounts makes the accounts of a configuration with the keys that are known, and again whenever others were fetched.
// The link in root's home is for users and for ssh-copy-id, whose keys last until the next time; the server does not
// follow it.
func (k *Keeper) Accounts(ctx context.Context, c *config.Config) error {
	return k.Set(ctx, c, func() error {
		err, user := account.Apply(k.Sys, k.Root, c, func(a account.Account) []string { return k.Known(a.Keys) })
		link := errors.Join(k.Sys.MkdirAll("/root/.ssh", 0o700), k.Sys.Symlink(account.KeysDir+"/root/authorized_keys", "/root/.ssh/authorized_keys"))
		if link != nil {
			k.Logf("ssh: %v; only the keys in the configuration are used", link)
		}
		return errors.Join(err, step.User(user))
	})
}

// Covered makes homes and mounts keys again where a file system of the user has covered them, as that of a server may
// after the boot: without its keys nobody could log in to an account.
func (k *Keeper) Covered(path string) {
	k.using.Lock()
	defer k.using.Unlock()
	if k.use == nil || !slices.ContainsFunc(k.homes, func(home string) bool { return home == path || strings.HasPrefix(home, path+"/") }) {
		return
	}
	if err := k.use(); err != nil {
		k.Logf("accounts: %v", err)
	}
}

// homes returns the homes of the accounts besides root's.
func homes(c *config.Config) (out []string) {
	for _, u := range c.Users {
		out = append(out, account.Home(u))
	}
	return out
}
