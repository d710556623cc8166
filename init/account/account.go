// Package account makes the accounts of the machine out of those of the root image and those of the configuration: user
// and group numbers, passwd, group, shadow and shells, home directories, and each account's SSH keys in memory. It refuses
// to redefine an account of the root image, to give a number twice, and to touch a home directory that lies in somebody
// else's; what it refuses is a line for the user, and never keeps another account from being made.
package account

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/proa-os/proa/config"
)

// Account is one row of passwd that a person may use.
type Account struct {
	Name     string
	UID, GID int
	Comment  string
	Home     string
	Shell    string
	Password string // hash of crypt(5), or "*": none
	Groups   []string
	Keys     []string // as listed: keys, and where they are
	Admin    bool
}

// Group is a row of group besides the accounts' own.
type Group struct {
	Name    string
	GID     int
	Members []string
}

// Set is what the configuration comes to.
type Set struct {
	Accounts []Account // root is the first
	Groups   []Group   // all of them
	IDs      IDs       // to be remembered
	Problems []string  // for the user
}

// Facts are what the machine knows besides the configuration.
type Facts struct {
	Base      Base
	IDs       IDs
	MachineID string                       // makes the salts of passwords differ between machines
	HomeOwner func(home string) (uid int)  // owner of a directory; 0: root's, or none
	HasShell  func(file string) (yes bool) // says whether the machine has that program
}

// most is the largest number of accounts: hashing a password takes up to seconds on a slow machine.
const most = 128

// Make computes the set. It changes nothing.
func Make(c *config.Config, f Facts) Set {
	var s Set
	list := s.merge(c, f.Base)
	s.number(list, f)
	for i := range s.Accounts {
		a := &s.Accounts[i]
		a.Shell = s.shell(*a, f.HasShell)
		a.Password = s.password(*a, f.MachineID)
		if !c.SSH.Passwords && !consoleKnows(a.Password) {
			s.problem("users: %s: the login on the console knows only hashes that begin with $6$, $5$ or $1$; this one is for ssh.passwords", a.Name)
		}
	}
	s.group(f.Base)
	return s
}

// merge returns the entries of the configuration by account, root first.
func (s *Set) merge(c *config.Config, base Base) []config.User {
	root := config.User{Name: "root", SSHAuthorizedKeys: slices.Clone(c.SSHAuthorizedKeys)}
	list := []config.User{root}
	for i, u := range c.Users {
		at := slices.IndexFunc(list, func(o config.User) bool { return o.Name == u.Name })
		_, system := base.user(u.Name)
		_, group := base.group(u.Name)
		switch {
		case u.Name == "root":
			list[0] = s.asRoot(list[0], u)
		case system || group:
			s.problem("users[%d]: %s is an account or a group of the system; use another name", i, u.Name)
		case at >= 0:
			s.problem("users[%d]: %s is listed above; only keys and groups are added to it", i, u.Name)
			list[at].SSHAuthorizedKeys = append(list[at].SSHAuthorizedKeys, u.SSHAuthorizedKeys...)
			list[at].Groups = append(list[at].Groups, u.Groups...)
		case len(list) > most:
			s.problem("users[%d]: more than %d accounts", i, most)
		default:
			u.SSHAuthorizedKeys, u.Groups = slices.Clone(u.SSHAuthorizedKeys), slices.Clone(u.Groups)
			list = append(list, u)
		}
	}
	return list
}

// asRoot takes what an entry for root may say; number and home are fixed.
func (s *Set) asRoot(root, u config.User) config.User {
	if u.UID != 0 || u.Home != "" && u.Home != rootHome {
		s.problem("users: root has the number 0 and the home %s; uid and home of its entry are not used", rootHome)
	}
	u.SSHAuthorizedKeys = append(root.SSHAuthorizedKeys, u.SSHAuthorizedKeys...)
	u.Groups = append(root.Groups, u.Groups...)
	u.UID, u.Home, u.Admin = 0, "", false
	return u
}

func (s *Set) problem(format string, args ...any) {
	s.Problems = append(s.Problems, fmt.Sprintf(format, args...))
}

const (
	rootHome = "/root"
	bareSh   = "/bin/sh"
)

// Home returns the home of an entry's account.
func Home(u config.User) string {
	switch {
	case u.Name == "root":
		return rootHome
	case u.Home == "":
		return "/home/" + u.Name
	}
	return u.Home
}

func account(u config.User, uid, gid int) Account {
	a := Account{Name: u.Name, UID: uid, GID: gid, Comment: u.Comment, Home: Home(u), Shell: u.Shell, Password: u.Password, Keys: u.SSHAuthorizedKeys, Admin: u.Admin}
	for _, g := range u.Groups {
		if g != u.Name && !slices.Contains(a.Groups, g) {
			a.Groups = append(a.Groups, g)
		}
	}
	return a
}

// shell returns the account's shell. One that the machine does not have would lock the owner of a file from another
// system out, so it is replaced, unless it says that nobody logs in.
func (s *Set) shell(a Account, has func(string) bool) string {
	switch {
	case a.Shell == "":
		return bareSh
	case has(a.Shell) || noLogin(a.Shell):
		return a.Shell
	}
	s.problem("users: %s: this machine has no shell %s; %s is used", a.Name, a.Shell, bareSh)
	return bareSh
}

// noLogin says whether a shell is a program that ends at once.
func noLogin(shell string) bool {
	return slices.Contains([]string{"nologin", "false"}, path.Base(shell))
}

// password returns what stands in shadow.
func (s *Set) password(a Account, machine string) string {
	switch {
	case locked(a.Password):
		return "*"
	case strings.HasPrefix(a.Password, "$"):
		return a.Password
	}
	return hash(a.Password, salt(machine, a.Name))
}

// consoleKnows says whether busybox's login, which verifies passwords itself, knows a kind of hash; dropbear knows all of
// crypt(5).
func consoleKnows(hash string) bool {
	return hash == "*" || slices.ContainsFunc([]string{"$6$", "$5$", "$1$"}, func(kind string) bool { return strings.HasPrefix(hash, kind) })
}

// locked says whether a password lets nobody in: there is none, or it is one of the marks that passwd(1) writes.
func locked(password string) bool {
	return password == "" || password[0] == '*' || strings.HasPrefix(password, "!$") || strings.Trim(password, "!") == "" || password == "x"
}

// Logins says how one can log in by SSH: with a key, with a password, and with root's password.
func Logins(c *config.Config) (key, password, root bool) {
	key = len(c.SSHAuthorizedKeys) > 0
	for _, u := range c.Users {
		key = key || len(u.SSHAuthorizedKeys) > 0
		if c.SSH.Passwords && !locked(u.Password) {
			password, root = true, root || u.Name == "root"
		}
	}
	return key, password, root
}

// Passwords says whether any account can log in with a password on the console.
func Passwords(c *config.Config) bool {
	return slices.ContainsFunc(c.Users, func(u config.User) bool { return !locked(u.Password) })
}

// Admins returns whether any account of the configuration is an administrator.
func Admins(c *config.Config) bool {
	return slices.ContainsFunc(c.Users, func(u config.User) bool { return u.Admin && u.Name != "root" })
}
