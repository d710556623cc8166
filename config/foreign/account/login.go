package account

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/field"
)

// Keys returns the keys of a list, or of a string with several lines.
func (r Reader) Keys(n *yaml.Node) (out []*yaml.Node) {
	for _, item := range r.Items(n) {
		s, ok := draft.String(item)
		if !ok {
			r.Refuse(item, "ssh_authorized_keys: want a public key in one line")
			continue
		}
		if strings.TrimSpace(s) != "" {
			out = append(out, draft.Text(item, s))
		}
	}
	return out
}

// services are the names that ssh-import-id has for places of keys; one without is Launchpad's.
var services = map[string]string{"gh": "github:", "github": "github:", "gl": "gitlab:", "gitlab": "gitlab:", "lp": "lp:"}

// Imports returns the sources of ssh_import_id in the schema's words.
func (r Reader) Imports(n *yaml.Node) (out []*yaml.Node) {
	for _, item := range r.Words(n, ", ", "ssh_import_id") {
		service, name, ok := strings.Cut(item.Value, ":")
		if !ok {
			service, name = "lp", item.Value
		}
		switch {
		case strings.EqualFold(item.Value, "none"):
		case services[service] == "" || name == "":
			r.Refuse(item, "ssh_import_id: want gh:NAME or lp:NAME")
		default:
			out = append(out, draft.Text(item, services[service]+name))
		}
	}
	return out
}

// distributions are the accounts that images for cloud-init have, and that may become root there.
var distributions = strings.Fields("ubuntu debian pi fedora centos rhel rocky almalinux " +
	"ec2-user cloud-user core alpine arch opensuse sles suse gentoo freebsd admin rancher kairos dietpi pirate")

// SetPassword sets the password of an account. The account that a distribution's image has is made.
func (r Reader) SetPassword(password *yaml.Node, name string, at *yaml.Node) {
	u := r.Find(name)
	switch {
	case u != nil:
	case name == "root":
		u = r.Account(at, name)
	case slices.Contains(distributions, name):
		u = r.Account(at, name)
		draft.Put(u, draft.Bool(at, true), "admin")
		r.Note(at, "the account of a distribution's image, which is made here because it has a password: it may become root, as it may there")
	default:
		r.Note(at, "chpasswd: no account of this name is listed in users; the password has no effect")
		return
	}
	r.put(u, password, "password", "password")
}

// accountKeys sets the keys. root's are those at the top.
func (r Reader) accountKeys(u *yaml.Node, name string, f map[string]draft.Pair) {
	if p, ok := f["ssh_redirect_user"]; ok && !field.Nothing(p.Value) {
		r.Note(p.At, "users: ssh_redirect_user: nobody logs in to this account by SSH")
		return
	}
	var keys []*yaml.Node
	if p, ok := f["ssh_authorized_keys"]; ok {
		keys = append(keys, r.Keys(p.Value)...)
	}
	if p, ok := f["ssh_import_id"]; ok {
		keys = append(keys, r.Imports(p.Value)...)
	}
	for _, k := range keys {
		if name == "root" {
			r.Append(k, "ssh_authorized_keys")
			continue
		}
		r.Give(u, k)
	}
}

// Give adds a key to an account.
func (r Reader) Give(u, key *yaml.Node) {
	if !r.Fits(key, "sshkey", "ssh_authorized_keys") {
		return
	}
	list := draft.Get(u, "ssh_authorized_keys")
	if list == nil {
		list = draft.List(key)
		draft.Put(u, list, "ssh_authorized_keys")
	}
	list.Content = append(list.Content, key)
}

// Password sets the password of an account that is not locked.
func (r Reader) Password(u *yaml.Node, f map[string]draft.Pair, locked bool) {
	if p, ok := f["lock_passwd"]; ok {
		truth, known := draft.Truth(p.Value)
		if !known {
			r.Refuse(p.Value, "users: lock_passwd: want true or false")
		}
		locked = truth || !known
	}
	for _, key := range []string{"passwd", "hashed_passwd", "plain_text_passwd"} {
		p, ok := f[key]
		if !ok {
			continue
		}
		s, text := draft.String(p.Value)
		switch {
		case !text:
			r.Refuse(p.Value, "users: %s: want a password in quotes", key)
		case locked && s != "":
			r.Note(p.At, "users: %s: not set, because the account is locked, as it is without lock_passwd: false", key)
		case key == "plain_text_passwd" && strings.HasPrefix(s, "$"):
			r.Refuse(p.Value, "users: %s: a password in the clear cannot begin with $ here; write its hash", key)
		case s != "":
			r.put(u, draft.Text(p.Value, s), "password", "password")
		}
	}
}
