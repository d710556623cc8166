// Package keys keeps the keys of releases: for each role its public keys, its threshold, and where the private halves
// are: in a file in OpenSSH's format beside the list, or in an ssh-agent, which may have them from a hardware token. The
// keys of the role slot sign slots; those of the other roles sign a release's metadata (TUF).
//
// It refuses to overwrite a file, to take a key that is not ed25519, and to sign with fewer keys than the threshold. It
// never prints a private key, and never deletes one.
package keys

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/proa-os/proa/images/atomicfile"
	"github.com/proa-os/proa/images/slotsig"
)

// ListName is the file with the list of a directory of keys. Nothing in it is secret.
const ListName = "roles.json"

// format is the version of its format.
const format = 1

// Role is what keys are for.
type Role string

// The roles. Those of TUF have its names.
const (
	Root      Role = "root"
	Targets   Role = "targets"
	Snapshot  Role = "snapshot"
	Timestamp Role = "timestamp"
	Slot      Role = "slot"
)

// Roles returns all roles, the most important one first.
func Roles() []Role { return []Role{Root, Targets, Slot, Snapshot, Timestamp} }

// advice says how a role's keys should be kept.
var advice = map[Role]string{
	Root:      "offline: it names the keys of the other roles, and is needed once a year and when a key is lost",
	Targets:   "offline, or on a token: it says what is released",
	Slot:      "offline, or on a token: machines boot what it signs",
	Snapshot:  "where releases are made",
	Timestamp: "where releases are made: it signs often, and alone it can only withhold what is new",
}

// Ring is a directory of keys.
type Ring struct {
	Dir    string `json:"-"`
	Access Access `json:"-"` // how private keys are reached

	Format int `json:"format"`
	// Development: made by itself for somebody who gave no keys.
	Development bool             `json:"development,omitempty"`
	Roles       map[Role]*Holder `json:"roles"`
}

// Holder has the keys of one role.
type Holder struct {
	Threshold int   `json:"threshold"` // how many of Keys must sign
	Keys      []Key `json:"keys"`
	// Retired were replaced. They sign beside Keys as long as devices may know only them.
	Retired []Key `json:"retired,omitempty"`
}

// Key is one key.
type Key struct {
	Public slotsig.Key `json:"public"`
	At     string      `json:"at"` // a file in the directory, or agent:SHA256:FINGERPRINT
}

// Short is how a key is named to users.
func (k Key) Short() string { return k.Public.ID()[:8] }

// Load reads the list of a directory.
func Load(dir string, a Access) (*Ring, error) {
	b, err := os.ReadFile(filepath.Join(dir, ListName))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s has no %s: it is no directory of keys\nhint: `proa keys init %[1]s` makes one", dir, ListName)
	}
	if err != nil {
		return nil, err
	}
	r := &Ring{Dir: dir, Access: a}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(r); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, ListName), err)
	}
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, ListName), err)
	}
	return r, nil
}

func (r *Ring) check() error {
	if r.Format != format {
		return fmt.Errorf("format %d, this proa reads format %d", r.Format, format)
	}
	for _, role := range Roles() {
		h := r.Roles[role]
		if h == nil {
			return fmt.Errorf("role %s: no keys", role)
		}
		if _, err := slotsig.NewKeys(h.Threshold, false, public(h.Keys)...); err != nil {
			return fmt.Errorf("role %s: %w", role, err)
		}
		if _, err := slotsig.NewKeys(1, false, public(h.all())...); err != nil {
			return fmt.Errorf("role %s: %w", role, err)
		}
		for _, k := range h.all() {
			if k.inAgent() == "" && k.At != filepath.Base(k.At) {
				return fmt.Errorf("role %s: %q is no name of a file in the directory", role, k.At)
			}
		}
	}
	if len(r.Roles) != len(Roles()) {
		return fmt.Errorf("roles %v; want %v", slices.Sorted(maps.Keys(r.Roles)), Roles())
	}
	return nil
}

func (h *Holder) all() []Key { return slices.Concat(h.Keys, h.Retired) }

func public(list []Key) (out []slotsig.Key) {
	for _, k := range list {
		out = append(out, k.Public)
	}
	return out
}

func (r *Ring) save() error {
	if err := r.check(); err != nil {
		return err
	}
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(r.Dir, ListName), append(b, '\n'), 0o644)
}

// holder returns a role by its name.
func (r *Ring) holder(name string) (Role, *Holder, error) {
	h := r.Roles[Role(name)]
	if h == nil {
		var all []string
		for _, role := range Roles() {
			all = append(all, string(role))
		}
		return "", nil, fmt.Errorf("no role %q; there is %s", name, strings.Join(all, ", "))
	}
	return Role(name), h, nil
}

// find returns the index of the key whose id begins so.
func find(list []Key, id string) (int, error) {
	found := -1
	for i, k := range list {
		if id == "" || !strings.HasPrefix(k.Public.ID(), strings.ToLower(id)) {
			continue
		}
		if found >= 0 {
			return -1, fmt.Errorf("more than one key begins with %s", id)
		}
		found = i
	}
	if found < 0 {
		return -1, fmt.Errorf("no key begins with %q", id)
	}
	return found, nil
}
