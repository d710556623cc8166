package account

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
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
