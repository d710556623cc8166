// Package account makes entries of users out of those of foreign documents. One bad value never costs an account, or its
// other keys. It hashes no passwords, and fetches no keys.
package account

import (
	"path"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/field"
)

// Reader reads accounts into a draft.
type Reader struct{ field.Reader }

// New returns a reader into a draft.
func New(d *draft.Draft) Reader { return Reader{field.Reader{Draft: d}} }

// Entries returns the entries of users: of a list, of a list in a list, or of a mapping whose keys are the names.
func Entries(d *draft.Draft, n *yaml.Node) (out []*yaml.Node) {
	if n.Kind != yaml.MappingNode || draft.Get(n, "name") != nil {
		return d.Items(n)
	}
	for _, p := range d.Pairs(n) {
		entry := draft.Map(p.At)
		entry.Content = append(entry.Content, draft.Text(p.At, "name"), draft.Text(p.At, p.Key))
		if p.Value.Kind == yaml.MappingNode {
			entry.Content = append(entry.Content, without(p.Value, "name")...)
		}
		out = append(out, entry)
	}
	return out
}

func without(m *yaml.Node, key string) (out []*yaml.Node) {
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value != key {
			out = append(out, m.Content[i], m.Content[i+1])
		}
	}
	return out
}

// Accounts translates entries of users. locked is what holds for those without lock_passwd.
func Accounts(d *draft.Draft, users *yaml.Node, locked bool) {
	r := New(d)
	for _, n := range Entries(d, users) {
		switch {
		case n.Kind == yaml.MappingNode:
			r.User(n, locked)
		case n.Value == "default":
			d.Note(n, "users: default: there is no default account; the keys at the top of the document are root's")
		default:
			d.Refuse(n, "users: want an account with a name")
		}
	}
}

// userFields are the keys of an entry of users.
var userFields = field.Known{
	"name": "", "gecos": "", "groups": "", "homedir": "", "lock_passwd": "", "passwd": "", "hashed_passwd": "", "plain_text_passwd": "",
	"primary_group": "", "shell": "", "ssh_authorized_keys": "", "ssh_import_id": "", "sudo": "", "doas": "", "uid": "", "ssh_redirect_user": "",
	"create_groups":  "groups that do not exist are made",
	"expiredate":     "accounts do not expire; take it out of the document then",
	"inactive":       "accounts do not expire",
	"no_create_home": "the home is made by itself",
	"no_log_init":    "there is no log of logins",
	"no_user_group":  "an account has a group of its own name",
	"selinux_user":   "there is no SELinux",
	"snapuser":       "there is no store to ask; write name and ssh_authorized_keys",
	"system":         "the account gets a number from 1000 and a home",
	"ssh_pwauth":     "it belongs to the top of the document",
	"chpasswd":       "it belongs to the top of the document",
}

// admins are groups whose members may become root on the systems that documents come from.
var admins = []string{"sudo", "wheel", "admin"}

// User makes an account of an entry. locked is what holds for one without lock_passwd. Of an admin whose account cannot
// be made the keys are root's: whoever wrote them has to get in.
func (r Reader) User(n *yaml.Node, locked bool) {
	f := r.Fields(n, "users", userFields)
	at, ok := r.name(n, f)
	if at == nil {
		return
	}
	name, u := at.Value, draft.Map(at)
	draft.Put(u, at, "name")
	if ok {
		u = r.Account(at, name)
	}
	r.memberships(u, f)
	if !ok {
		if draft.Get(u, "admin") != nil {
			r.accountKeys(u, "root", f)
		}
		return
	}
	r.Describe(u, f)
	r.accountKeys(u, name, f)
	r.Password(u, f, locked)
}

// name returns the name of an account; nil if the entry is about something else, false if there can be no such account.
func (r Reader) name(n *yaml.Node, f map[string]draft.Pair) (*yaml.Node, bool) {
	written, _ := draft.String(f["name"].Value)
	name := strings.TrimSpace(written)
	if name == "" {
		if draft.Get(n, "snapuser") != nil {
			return nil, false
		}
		r.Refuse(n, "users: an account without a name")
		return draft.Text(n, ""), false
	}
	at := draft.Text(f["name"].Value, strings.ToLower(name))
	if at.Value != name {
		r.Note(at, "users: name: in small letters, as accounts are")
	}
	return at, r.Fits(at, "username", "users: name")
}

// Account returns the account of a name, and adds it if it is not there.
func (r Reader) Account(at *yaml.Node, name string) *yaml.Node {
	if u := r.Find(name); u != nil {
		return u
	}
	u := draft.Map(at)
	draft.Put(u, draft.Text(at, name), "name")
	r.Append(u, "users")
	return u
}

// Find returns the account of a name; nil if there is none.
func (r Reader) Find(name string) *yaml.Node {
	list := r.Get("users")
	if list == nil {
		return nil
	}
	for _, u := range list.Content {
		if n := draft.Get(u, "name"); n != nil && n.Value == name {
			return u
		}
	}
	return nil
}

// put sets a key of an account, if the value is one that a rule permits.
func (r Reader) put(u, value *yaml.Node, key, word string) {
	if r.Fits(value, word, "users: "+key) {
		draft.Put(u, value, key)
	}
}

// Describe sets comment, number, home and shell.
func (r Reader) Describe(u *yaml.Node, f map[string]draft.Pair) {
	if p, ok := f["gecos"]; ok {
		s, _ := draft.String(p.Value)
		r.put(u, draft.Text(p.Value, strings.ReplaceAll(s, ":", " ")), "comment", "gecos")
	}
	if p, ok := f["uid"]; ok {
		if id, ok := draft.Number(p.Value); ok && r.Fits(draft.Int(p.Value, id), "uid", "users: uid") {
			draft.Put(u, draft.Int(p.Value, id), "uid")
		} else if !ok {
			r.Refuse(p.Value, "users: uid: want a number")
		}
	}
	if p, ok := f["homedir"]; ok {
		r.home(u, p.Value)
	}
	if p, ok := f["shell"]; ok {
		r.shell(u, p.Value)
	}
}

func (r Reader) home(u, at *yaml.Node) {
	dir, _ := draft.String(at)
	for _, top := range []string{"/home/", "/root", "/var/", "/opt/", "/mnt/", "/srv/"} {
		if strings.HasPrefix(dir, top) {
			r.put(u, draft.Text(at, path.Clean(dir)), "home", "path")
			return
		}
	}
	r.Note(at, "users: homedir: the root is read-only; the home is below /home")
}

// shell: there is one shell, and none for accounts that may not log in.
func (r Reader) shell(u, at *yaml.Node) {
	s, _ := draft.String(at)
	switch path.Base(strings.TrimSpace(s)) {
	case "sh", "ash", "dash", ".", "/":
	case "nologin", "false":
		draft.Put(u, draft.Text(at, "/bin/false"), "shell")
	default:
		r.Note(at, "users: shell: the one shell of this system is /bin/sh (busybox)")
	}
}
