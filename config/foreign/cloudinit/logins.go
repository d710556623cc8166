package cloudinit

import (
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/account"
	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/field"
)

// users makes the accounts. An account that is locked, which is cloud-init's default, gets no password.
func (r *reader) users(p draft.Pair) {
	for _, n := range account.Entries(r.Draft, p.Value) {
		if n.Kind == yaml.MappingNode {
			r.User(n, true)
			continue
		}
		for _, name := range r.Words(n, ", ", "users") {
			if name.Value == "default" {
				r.noDefault(n)
				continue
			}
			r.Account(name, name.Value)
		}
	}
}

// noDefault: which account a distribution has is not known; the keys at the top, which it would get, are root's.
func (r *reader) noDefault(n *yaml.Node) {
	if name, _ := r.defaultName(); name == "" {
		r.Note(n, "users: default: there is no default account; the keys at the top of the document are root's")
	}
}

func (r *reader) rootKeys(p draft.Pair)    { r.topKeys(r.Keys(p.Value)) }
func (r *reader) rootImports(p draft.Pair) { r.topKeys(r.Imports(p.Value)) }

// topKeys gives the keys at the top to the default account, if the document names one, and to root, unless the document
// has such an account and closes root.
func (r *reader) topKeys(keys []*yaml.Node) {
	name, at := r.defaultName()
	for _, k := range keys {
		if name != "" && name != "root" {
			r.Give(r.Account(at, name), k)
			if r.rootIsClosed() {
				continue
			}
		}
		r.Append(k, "ssh_authorized_keys")
	}
}

func (r *reader) rootIsClosed() bool {
	p, ok := r.get("disable_root")
	truth, _ := draft.Truth(p.Value)
	return ok && truth
}

func (r *reader) disableRoot(p draft.Pair) {
	truth, ok := draft.Truth(p.Value)
	_, keys := r.get("ssh_authorized_keys")
	switch name, _ := r.defaultName(); {
	case !ok:
		r.Refuse(p.Value, "disable_root: want true or false")
	case truth && name == "" && keys:
		r.Note(p.At, "disable_root: without a default account the keys at the top of the document are root's; give them to an account of users instead")
	}
}

// defaultName is the name of the account that cloud-init's distribution would have, if the document says it.
func (r *reader) defaultName() (string, *yaml.Node) {
	p, ok := r.get("user")
	if ok {
		n := p.Value
		if n.Kind == yaml.MappingNode {
			n = draft.Resolved(draft.Get(n, "name"))
		}
		if name, ok := draft.String(n); ok && name != "" {
			return name, n
		}
	}
	if p, ok = r.get("system_info"); !ok {
		return "", nil
	}
	n := draft.Resolved(draft.Get(draft.Resolved(draft.Get(p.Value, "default_user")), "name"))
	name, ok := draft.String(n)
	if !ok {
		return "", nil
	}
	return name, n
}

// systemInfo makes the default account.
func (r *reader) systemInfo(p draft.Pair) {
	f := r.Fields(p.Value, "system_info", field.Known{"default_user": "", "distro": notHere, "paths": notHere, "package_mirrors": noPackages,
		"ssh_svcname": notHere, "network": "use network", "ntp_client": notHere, "apt_get_command": notHere, "apt_get_wrapper": notHere,
		"templates_dir": notHere, "cloud_dir": notHere})
	if d, ok := f["default_user"]; ok {
		r.User(d.Value, true)
	}
}

// mainUser makes the account that the key user describes.
func (r *reader) mainUser(p draft.Pair) {
	if p.Value.Kind == yaml.MappingNode {
		r.User(p.Value, true)
		return
	}
	if name, ok := draft.String(p.Value); ok && strings.TrimSpace(name) != "" && name != "root" {
		draft.Put(r.Account(p.Value, strings.TrimSpace(name)), draft.Bool(p.Value, true), "admin")
	}
}

// groups adds the members of groups; a group without any has no effect.
func (r *reader) groups(p draft.Pair) {
	for _, item := range r.Items(p.Value) {
		if item.Kind != yaml.MappingNode {
			r.Note(item, "groups: a group without members is not made; list it in groups of an account")
			continue
		}
		for _, g := range r.Pairs(item) {
			for _, member := range r.Words(g.Value, ", ", "groups") {
				r.addMember(member, draft.Text(g.At, g.Key))
			}
		}
	}
}

func (r *reader) addMember(member, group *yaml.Node) {
	u := r.Find(member.Value)
	switch {
	case u != nil:
		r.Join(u, group)
	case member.Value == "root":
		r.Join(r.Account(member, "root"), group)
	default:
		r.Note(member, "groups: the member is no account of users")
	}
}

func (r *reader) passwordLogin(p draft.Pair) {
	s, _ := draft.String(p.Value)
	truth, ok := draft.Truth(p.Value)
	switch {
	case ok:
		r.Set(draft.Bool(p.Value, truth), "ssh", "passwords")
	case strings.EqualFold(s, "unchanged"):
	default:
		r.Refuse(p.Value, "ssh_pwauth: want true or false")
	}
}

// password sets that of the default account, or of root if the document names no such account.
func (r *reader) password(p draft.Pair) {
	name, at := r.defaultName()
	if name == "" {
		name, at = "root", p.Value
		r.Note(p.At, "password: without a default account it is root's")
	}
	s, ok := draft.String(p.Value)
	if !ok {
		r.Refuse(p.Value, "password: want a password in quotes")
		return
	}
	r.SetPassword(draft.Text(p.Value, s), name, at)
}

func (r *reader) chpasswd(p draft.Pair) {
	f := r.Fields(p.Value, "chpasswd", field.Known{
		"expire": "passwords do not expire, and need not be changed at the first login", "list": "", "users": ""})
	if list, ok := f["list"]; ok {
		for _, item := range r.Items(list.Value) {
			s, _ := draft.String(item)
			for line := range strings.Lines(s) {
				r.passwordLine(item, strings.TrimSpace(line))
			}
		}
	}
	if users, ok := f["users"]; ok {
		for _, item := range r.Items(users.Value) {
			r.passwordEntry(item)
		}
	}
}

// passwordLine reads a line of chpasswd(8).
func (r *reader) passwordLine(at *yaml.Node, line string) {
	if line == "" {
		return
	}
	name, password, ok := strings.Cut(line, ":")
	switch {
	case !ok:
		r.Refuse(at, "chpasswd: list: want NAME:PASSWORD")
	case password == "R" || password == "RANDOM":
		r.random(at)
	default:
		r.SetPassword(draft.Text(at, password), strings.TrimSpace(name), at)
	}
}

func (r *reader) random(at *yaml.Node) {
	r.Note(at, "chpasswd: random passwords are not made; log in with a key")
}

func (r *reader) passwordEntry(n *yaml.Node) {
	f := r.Fields(n, "chpasswd.users", field.Known{"name": "", "password": "", "type": ""})
	name, _ := draft.String(f["name"].Value)
	password, ok := draft.String(f["password"].Value)
	kind, _ := draft.String(f["type"].Value)
	switch {
	case strings.EqualFold(kind, "random"):
		r.random(n)
	case name == "" || !ok || password == "":
		r.Refuse(n, "chpasswd: users: want name and password")
	case kind == "text" && strings.HasPrefix(password, "$"):
		r.Refuse(f["password"].Value, "chpasswd: users: a password in the clear cannot begin with $ here; write its hash, without type")
	default:
		r.SetPassword(draft.Text(f["password"].Value, password), name, f["name"].Value)
	}
}

// ssh: what of the host keys is printed on the console.
func (r *reader) ssh(p draft.Pair) {
	r.Fields(p.Value, "ssh", field.Known{
		"emit_keys_to_console": "host keys are not printed on the console", "ssh_deletekeys": itsOwnKeys,
		"ssh_genkeytypes": itsOwnKeys, "ssh_quiet_keygen": itsOwnKeys})
}
