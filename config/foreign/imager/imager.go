// Package imager reads the files that Raspberry Pi Imager, and people after its manual, put on the boot partition:
// host name, account, keys, Wi-Fi, time zone. It runs no script, and reads of one only what Imager writes.
package imager

import (
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/wpa"
)

// Read makes keys of the schema of a file's lines.
type Read func(d *draft.Draft, lines []string)

// readers are by the name of the file, in small letters, because it lies on a FAT.
var readers = map[string]Read{
	"custom.toml":         customTOML,
	"firstrun.sh":         firstRun,
	"ssh":                 ssh,
	"ssh.txt":             ssh,
	"userconf":            userconf,
	"userconf.txt":        userconf,
	"wpa_supplicant.conf": func(d *draft.Draft, lines []string) { wpa.Read(d, lines, func(i int) *yaml.Node { return at(i, 0) }) },
}

// ReaderOf returns the reader of a file by its name; nil: the file is none of these.
func ReaderOf(name string) Read { return readers[strings.ToLower(name)] }

// at is a place in a file.
func at(line, column int) *yaml.Node { return &yaml.Node{Line: line + 1, Column: column + 1} }

// setup is what all these files say between them.
type setup struct {
	d    *draft.Draft
	user *yaml.Node // the account, once there is one
}

func (s *setup) hostname(n *yaml.Node, name string) { s.d.Set(draft.Text(n, name), "hostname") }
func (s *setup) timezone(n *yaml.Node, zone string) { s.d.Set(draft.Text(n, zone), "timezone") }

// account makes the account, which administers the machine as Raspberry Pi OS has it.
func (s *setup) account(n *yaml.Node, name string) {
	if s.user != nil {
		draft.Put(s.user, draft.Text(n, name), "name")
		return
	}
	s.user = draft.Map(n)
	draft.Put(s.user, draft.Text(n, name), "name")
	draft.Put(s.user, draft.Bool(n, true), "admin")
	s.d.Append(s.user, "users")
}

// defaultUser is the account of systems before Imager asked for a name.
const defaultUser = "pi"

func (s *setup) password(n *yaml.Node, hash string) {
	if s.user == nil {
		s.account(n, defaultUser)
	}
	draft.Put(s.user, draft.Text(n, hash), "password")
}

// key lets a key log in to the account, and as root, as which the documentation of proa logs in.
func (s *setup) key(n *yaml.Node, key string) {
	s.d.Append(draft.Text(n, key), "ssh_authorized_keys")
	if s.user == nil {
		return
	}
	list := draft.Get(s.user, "ssh_authorized_keys")
	if list == nil {
		list = draft.List(n)
		draft.Put(s.user, list, "ssh_authorized_keys")
	}
	list.Content = append(list.Content, draft.Text(n, key))
}

func (s *setup) passwords(n *yaml.Node, permitted bool) {
	s.d.Set(draft.Bool(n, permitted), "ssh", "passwords")
}

func (s *setup) country(n *yaml.Node, code string) {
	s.d.Set(draft.Text(n, strings.ToUpper(code)), "network", "wifi_country")
}

func (s *setup) keymap(n *yaml.Node) {
	s.d.Note(n, "the keyboard layout has no effect: consoles here have the US layout")
}

// wifi is one network; an empty passphrase is an open one.
func (s *setup) wifi(n *yaml.Node, name, passphrase string, hidden bool) {
	m := draft.Map(n)
	draft.Put(m, draft.Text(n, name), "name")
	if passphrase != "" {
		draft.Put(m, draft.Text(n, passphrase), "passphrase")
	}
	if hidden {
		draft.Put(m, draft.Bool(n, true), "hidden")
	}
	s.d.Append(m, "network", "wifi")
}

// ssh reads the empty file that starts the SSH server on Raspberry Pi OS, where passwords may log in.
func ssh(d *draft.Draft, _ []string) {
	s := setup{d: d}
	s.passwords(at(0, 0), true)
	d.Note(at(0, 0), "the SSH server runs whenever somebody can log in: put a key into ssh_authorized_keys, or a password into users")
}

// userconf reads NAME:HASH.
func userconf(d *draft.Draft, lines []string) {
	s := setup{d: d}
	for i, l := range lines {
		l = strings.TrimSpace(l)
		if l == "" {
			continue
		}
		name, hash, ok := strings.Cut(l, ":")
		if !ok || name == "" || hash == "" {
			d.Refuse(at(i, 0), "want NAME:HASH, a name and a password's hash as `openssl passwd -6` makes it")
			return
		}
		s.account(at(i, 0), name)
		s.password(at(i, len(name)+1), hash)
		return
	}
}
