package account

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/sys"
	"github.com/proa-os/proa/overlay"
)

// Paths of the accounts.
const (
	// KeysDir has a directory for each account with its authorized_keys. It is in memory, so that a key that was removed
	// from the configuration is refused after the next boot whatever the state of the disk, and in a directory of root.
	KeysDir = "/run/proa/ssh/keys"
	// KeysName is where that directory is mounted in the account's home: the SSH server (dropbear -D) knows only one path
	// for all accounts, and looks for it in each home. Its owner can neither change nor remove it.
	KeysName = ".proa-ssh"
	// AdminsFile has a line "NAME UID" for each administrator.
	AdminsFile = "/run/proa/sudo/admins"
	// idsFile remembers the numbers.
	idsFile = "/var/lib/proa/accounts"
	// spareHomes has homes in memory for accounts whose own cannot be used.
	spareHomes = "/run/proa/home"
)

// Apply makes the accounts. The first error is one of the machine; the others are the user's. keys returns the keys that a
// list comes to.
func Apply(s sys.Sys, root string, c *config.Config, keys func(Account) []string) (err, user error) {
	base := NewBase(overlay.Passwd, overlay.Group, overlay.Shadow, overlay.Shells)
	ids, err := os.ReadFile(filepath.Join(root, idsFile))
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	machine, _ := os.ReadFile(filepath.Join(root, "/etc/machine-id")) // without it the salts are the same as on other such machines
	set := Make(c, Facts{Base: base, IDs: ParseIDs(string(ids)), MachineID: strings.TrimSpace(string(machine)),
		HomeOwner: func(home string) int { return owner(filepath.Join(root, home)) }, HasShell: func(p string) bool { return program(root, p) }})
	if text := set.IDs.Text(); err == nil && text != "" {
		err = s.WriteFile(idsFile, []byte(text), 0o600)
	}
	var told []error
	for _, p := range set.Problems {
		told = append(told, errors.New(p))
	}
	for i := range set.Accounts {
		a := &set.Accounts[i]
		if why := home(s, a, keys(*a)); why != nil {
			told = append(told, fmt.Errorf("users: %s: %w", a.Name, why))
		}
	}
	return errors.Join(err, revoke(s, root, set), files(s, base, set)), errors.Join(told...)
}

// files writes the tables last, so that nobody can log in to a home that is not there yet.
func files(s sys.Sys, base Base, set Set) error {
	return errors.Join(
		s.MkdirAll(filepath.Dir(AdminsFile), 0o755),
		s.WriteFile(AdminsFile, []byte(set.AdminsText()), 0o600),
		s.WriteFile("/etc/group", []byte(set.GroupText()), 0o644),
		s.WriteFile("/etc/shells", []byte(set.ShellsText(base)), 0o644),
		s.WriteFile("/etc/shadow", []byte(set.ShadowText(base)), 0o600),
		s.WriteFile("/etc/passwd", []byte(set.PasswdText(base)), 0o644))
}

// home makes an account's home and mounts its keys there. If that fails, as on a full or broken disk, the account gets a
// home in memory, which is its own only to read, so that its owner can log in and see what is wrong.
func home(s sys.Sys, a *Account, keys []string) error {
	err := WriteKeys(s, *a, keys)
	if err == nil && a.Home != rootHome {
		err = s.OwnDir(a.Home, a.UID, a.GID, strings.HasPrefix(a.Home, "/home/"))
	}
	if err == nil {
		err = s.MountIn(filepath.Join(KeysDir, a.Name), a.Home, KeysName)
	}
	if err == nil {
		return nil
	}
	before := a.Home
	a.Home = filepath.Join(spareHomes, a.Name)
	spare := errors.Join(s.MkdirAll(filepath.Join(a.Home, KeysName), 0o755), writeKeys(s, filepath.Join(a.Home, KeysName), a.GID, keys))
	return errors.Join(fmt.Errorf("home %s: %w; it is %s until the next boot", before, err, a.Home), spare)
}

// WriteKeys writes the keys that let somebody in to an account: readable by that account, and by nobody else since the
// directories above are root's.
func WriteKeys(s sys.Sys, a Account, keys []string) error {
	return errors.Join(s.MkdirAll(filepath.Dir(KeysDir), 0o700), writeKeys(s, filepath.Join(KeysDir, a.Name), a.GID, keys))
}

func writeKeys(s sys.Sys, dir string, gid int, keys []string) error {
	file := filepath.Join(dir, "authorized_keys")
	text := ""
	if len(keys) > 0 {
		text = strings.Join(keys, "\n") + "\n"
	}
	return errors.Join(s.MkdirAll(dir, 0o755), s.WriteFile(file, []byte(text), 0o640), s.Chown(file, 0, gid, 0o640))
}

// revoke empties the keys of accounts that are no longer listed.
func revoke(s sys.Sys, root string, set Set) error {
	dirs, _ := os.ReadDir(filepath.Join(root, KeysDir)) // none before the first time
	var errs []error
	for _, d := range dirs {
		if !set.has(d.Name()) {
			errs = append(errs, writeKeys(s, filepath.Join(KeysDir, d.Name()), 0, nil))
		}
	}
	return errors.Join(errs...)
}

func (s Set) has(name string) bool {
	for _, a := range s.Accounts {
		if a.Name == name {
			return true
		}
	}
	return false
}

// owner returns the owner of a directory, 0 if there is none.
func owner(path string) int {
	var st unix.Stat_t
	if unix.Lstat(path, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return 0
	}
	return int(st.Uid)
}

func program(root, path string) bool {
	st, err := os.Stat(filepath.Join(root, path))
	return err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0
}
