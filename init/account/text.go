package account

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Base are the files of the root image.
type Base struct {
	Passwd, Group, Shadow, Shells string
	users, groups                 []row
}

// row is a line of passwd or group.
type row struct {
	name, line string
	id         int
}

// NewBase parses the files of the root image, which the build has written.
func NewBase(passwd, group, shadow, shells string) Base {
	return Base{passwd, group, shadow, shells, rows(passwd), rows(group)}
}

func rows(text string) (out []row) {
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if f := strings.Split(line, ":"); len(f) > 2 {
			if n, err := strconv.Atoi(f[2]); err == nil {
				out = append(out, row{f[0], line, n})
			}
		}
	}
	return out
}

func (b Base) user(name string) (row, bool)  { return find(b.users, name) }
func (b Base) group(name string) (row, bool) { return find(b.groups, name) }

func find(list []row, name string) (row, bool) {
	i := slices.IndexFunc(list, func(r row) bool { return r.name == name })
	if i < 0 {
		return row{}, false
	}
	return list[i], true
}

// group lists the groups: the system's, the accounts' own, and further ones, with their members.
func (s *Set) group(b Base) {
	for _, r := range b.groups {
		s.Groups = append(s.Groups, Group{Name: r.name, GID: r.id, Members: s.members(r.name)})
	}
	seen := map[string]bool{}
	for _, a := range s.Accounts {
		for _, g := range append([]string{a.Name}, a.Groups...) {
			if _, system := b.group(g); !system && !seen[g] {
				s.Groups = append(s.Groups, Group{Name: g, GID: s.IDs.Groups[g], Members: s.members(g)})
			}
			seen[g] = true
		}
	}
}

func (s *Set) members(group string) (out []string) {
	for _, a := range s.Accounts {
		if slices.Contains(a.Groups, group) {
			out = append(out, a.Name)
		}
	}
	return out
}

// PasswdText is passwd(5).
func (s Set) PasswdText(b Base) string {
	var out strings.Builder
	for _, a := range s.Accounts {
		fmt.Fprintf(&out, "%s:x:%d:%d:%s:%s:%s\n", a.Name, a.UID, a.GID, comment(a), a.Home, a.Shell)
	}
	for _, r := range b.users {
		if r.name != "root" {
			out.WriteString(r.line + "\n")
		}
	}
	return out.String()
}

func comment(a Account) string {
	if a.Comment == "" {
		return a.Name
	}
	return a.Comment
}

// GroupText is group(5).
func (s Set) GroupText() string {
	var out strings.Builder
	for _, g := range s.Groups {
		fmt.Fprintf(&out, "%s:x:%d:%s\n", g.Name, g.GID, strings.Join(g.Members, ","))
	}
	return out.String()
}

// ShadowText is shadow(5). A password never expires.
func (s Set) ShadowText(b Base) string {
	var out strings.Builder
	for _, a := range s.Accounts {
		fmt.Fprintf(&out, "%s:%s:20000:0:99999:7:::\n", a.Name, a.Password)
	}
	for line := range strings.Lines(b.Shadow) {
		if !strings.HasPrefix(line, "root:") {
			out.WriteString(line)
		}
	}
	return out.String()
}

// ShellsText is shells(5): dropbear lets nobody in whose shell is not listed.
func (s Set) ShellsText(b Base) string {
	out := b.Shells
	for _, a := range s.Accounts {
		if !noLogin(a.Shell) && !slices.Contains(strings.Fields(out), a.Shell) {
			out += a.Shell + "\n"
		}
	}
	return out
}

// AdminsText has a line "NAME UID" for each administrator.
func (s Set) AdminsText() string {
	var out strings.Builder
	for _, a := range s.Accounts {
		if a.Admin && a.UID != 0 {
			fmt.Fprintf(&out, "%s %d\n", a.Name, a.UID)
		}
	}
	return out.String()
}
