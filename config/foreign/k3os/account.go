package k3os

import (
	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
)

// user is the account that k3OS has, which its users log in to.
const user = "rancher"

// password is that of the account; it is hashed, or in the clear.
func password(r reader, p draft.Pair) {
	s, ok := draft.String(p.Value)
	switch {
	case !ok:
		r.Refuse(p.Value, "password: want text")
	case s != "":
		draft.Put(r.login(p.Value), draft.Text(p.Value, s), "password")
	}
}

// login returns the account, which is made on the first call.
func (r reader) login(at *yaml.Node) *yaml.Node {
	if users := r.Get("users"); users != nil {
		for _, u := range users.Content {
			if name := draft.Get(u, "name"); name != nil && name.Value == user {
				return u
			}
		}
	}
	u := draft.Map(at)
	draft.Put(u, draft.Text(at, user), "name")
	draft.Put(u, draft.Bool(at, true), "admin")
	r.Append(u, "users")
	return u
}

// account lets the keys log in as rancher, as under k3OS, besides as root.
func (r reader) account() {
	if keys := r.Get("ssh_authorized_keys"); keys != nil {
		draft.Put(r.login(keys), keys, "ssh_authorized_keys")
	}
}
