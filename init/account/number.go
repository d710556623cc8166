package account

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/proa-os/proa/config"
)

// IDs are the numbers of accounts and groups that were given before, also to those that are no longer listed: their files
// are still there, and must not become those of another account.
type IDs struct{ Users, Groups map[string]int }

// Numbers that are given to accounts, and to groups that are no account's own.
const (
	firstUser  = 1000
	lastUser   = 65533
	firstGroup = 999
	lastGroup  = 100
)

// ParseIDs reads lines of "user NAME NUMBER" and "group NAME NUMBER". Anything else in the file is skipped.
func ParseIDs(text string) IDs {
	ids := IDs{map[string]int{}, map[string]int{}}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) != 3 {
			continue
		}
		n, err := strconv.Atoi(f[2])
		if err != nil || n < lastGroup || n > lastUser {
			continue
		}
		switch f[0] {
		case "user":
			ids.Users[f[1]] = n
		case "group":
			ids.Groups[f[1]] = n
		}
	}
	return ids
}

// Text is what ParseIDs reads.
func (ids IDs) Text() string {
	var lines []string
	for name, n := range ids.Users {
		lines = append(lines, fmt.Sprintf("user %s %d\n", name, n))
	}
	for name, n := range ids.Groups {
		lines = append(lines, fmt.Sprintf("group %s %d\n", name, n))
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// pool knows which numbers are taken.
type pool struct{ users, groups map[int]string }

func newPool(b Base) pool {
	p := pool{map[int]string{}, map[int]string{}}
	for _, r := range b.users {
		p.users[r.id] = r.name
	}
	for _, r := range b.groups {
		p.groups[r.id] = r.name
	}
	return p
}

// take reserves a number for a name, if nobody else has it.
func take(taken map[int]string, n int, name string) bool {
	if owner, there := taken[n]; there && owner != name {
		return false
	}
	taken[n] = name
	return true
}

// free returns the first number from first in the direction of last that nobody has.
func free(first, last int, taken ...map[int]string) int {
	step := 1
	if last < first {
		step = -1
	}
	for n := first; n != last+step; n += step {
		if !slices.ContainsFunc(taken, func(t map[int]string) bool { _, there := t[n]; return there }) {
			return n
		}
	}
	return 0
}

// number gives every account its numbers: those of the configuration first, then those that it had before, or that its
// home directory has if they were forgotten, and new ones last.
func (s *Set) number(list []config.User, f Facts) {
	p := newPool(f.Base)
	uids := map[string]int{"root": 0}
	for _, u := range list[1:] {
		if u.UID != 0 && take(p.users, u.UID, u.Name) {
			uids[u.Name] = u.UID
		} else if u.UID != 0 {
			s.problem("users: %s: the uid %d belongs to %s; another one is used", u.Name, u.UID, p.users[u.UID])
		}
	}
	for _, u := range list[1:] {
		before := f.IDs.Users[u.Name]
		if _, set := uids[u.Name]; set || before == 0 {
			continue
		}
		if take(p.users, before, u.Name) {
			uids[u.Name] = before
		} else {
			s.problem("users: %s had the uid %d, which is now %s's; its files keep that number", u.Name, before, p.users[before])
		}
	}
	s.IDs = IDs{map[string]int{}, map[string]int{}}
	for name, n := range f.IDs.Users { // of accounts that are gone
		_ = take(p.users, n, name)
		s.IDs.Users[name] = n
	}
	for name, n := range f.IDs.Groups {
		_ = take(p.groups, n, name)
		s.IDs.Groups[name] = n
	}
	for _, u := range list {
		uid, set := uids[u.Name]
		a := account(u, 0, 0)
		if !set {
			uid = fresh(p, f.HomeOwner(a.Home), u.Name)
		}
		a.UID = uid
		s.own(&a, p)
		s.Accounts = append(s.Accounts, a)
	}
	s.further(p)
}

// fresh returns the number of the home directory's owner, if it can be this account's, or the next free one.
func fresh(p pool, owner int, name string) int {
	if owner < firstUser || owner > lastUser || !take(p.users, owner, name) {
		owner = free(firstUser, lastUser, p.users, p.groups)
		_ = take(p.users, owner, name)
	}
	return owner
}

// own gives an account its own group, with its own number if that is free.
func (s *Set) own(a *Account, p pool) {
	if a.Name == "root" {
		return
	}
	s.IDs.Users[a.Name] = a.UID
	if before := s.IDs.Groups[a.Name]; before != 0 && take(p.groups, before, a.Name) {
		a.GID = before
		return
	}
	a.GID = a.UID
	if !take(p.groups, a.GID, a.Name) {
		a.GID = free(firstUser, lastUser, p.users, p.groups)
		_ = take(p.groups, a.GID, a.Name)
	}
	s.IDs.Groups[a.Name] = a.GID
}

// further numbers the groups that are neither the system's nor an account's own.
func (s *Set) further(p pool) {
	there := map[string]bool{}
	for _, name := range p.groups {
		there[name] = true
	}
	for i := range s.Accounts {
		for _, g := range s.Accounts[i].Groups {
			if there[g] {
				continue
			}
			n := free(firstGroup, lastGroup, p.groups)
			_ = take(p.groups, n, g)
			there[g], s.IDs.Groups[g] = true, n
		}
	}
}
