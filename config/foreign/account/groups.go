package account

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
)

// memberships sets groups, and whether the account may become root.
func (r Reader) memberships(u *yaml.Node, f map[string]draft.Pair) {
	for _, key := range []string{"primary_group", "groups"} {
		p, ok := f[key]
		if !ok {
			continue
		}
		for _, g := range r.groupNames(p.Value) {
			r.Join(u, g)
		}
	}
	if p, ok := f["sudo"]; ok && r.becomesRoot(p.Value, sudoAll) {
		draft.Put(u, draft.Bool(p.Value, true), "admin")
	}
	if p, ok := f["doas"]; ok && r.becomesRoot(p.Value, doasAll) {
		draft.Put(u, draft.Bool(p.Value, true), "admin")
	}
}

func (r Reader) groupNames(n *yaml.Node) (out []*yaml.Node) {
	if n.Kind != yaml.MappingNode {
		return r.Words(n, ", ", "users: groups")
	}
	for _, p := range r.Pairs(n) {
		out = append(out, draft.Text(p.At, p.Key))
	}
	return out
}

// Join makes an account a member of a group, once, and an admin if the group is one of admins.
func (r Reader) Join(u, group *yaml.Node) {
	name := draft.Get(u, "name").Value
	if group.Value == name || !r.Fits(group, "username", "users: groups") {
		return // its own group, or none
	}
	list := draft.Get(u, "groups")
	if list == nil {
		list = draft.List(group)
		draft.Put(u, list, "groups")
	}
	if !slices.ContainsFunc(list.Content, func(n *yaml.Node) bool { return n.Value == group.Value }) {
		list.Content = append(list.Content, group)
	}
	if slices.Contains(admins, group.Value) && name != "root" {
		draft.Put(u, draft.Bool(group, true), "admin")
	}
}

// becomesRoot says whether rules of sudo or doas permit everything, which is what an admin may do.
func (r Reader) becomesRoot(n *yaml.Node, everything func(string) bool) bool {
	for _, item := range r.Items(n) {
		s, ok := draft.String(item)
		if truth, is := draft.Truth(item); is {
			if truth {
				return true
			}
			continue
		}
		if ok && everything(strings.Join(strings.Fields(s), " ")) {
			return true
		}
		if s != "" {
			r.Note(item, "users: a rule for single commands has no effect; an account may run everything as root (ALL=(ALL) NOPASSWD:ALL), or nothing")
		}
	}
	return false
}

func sudoAll(rule string) bool {
	commands := rule[strings.LastIndexAny(rule, ":)= ")+1:]
	return strings.Contains(rule, "=") && commands == "ALL"
}

func doasAll(rule string) bool {
	return strings.HasPrefix(rule, "permit") && !strings.Contains(rule, " cmd ")
}
