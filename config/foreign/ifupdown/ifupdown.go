// Package ifupdown translates the network files of other systems that a document writes: connman's, Debian's
// /etc/network/interfaces, dhcpcd's, wpa_supplicant's, systemd-networkd's and NetworkManager's. It refuses no file: a line
// that has no effect here is named. The files themselves need not be written, because nothing here reads them.
package ifupdown

import (
	"path"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/nic"
	"github.com/proa-os/proa/config/foreign/wpa"
)

// formats are the files by their path, as path.Match has it.
var formats = []struct {
	pattern string
	read    func(f file)
}{
	{"/etc/network/interfaces", interfaces},
	{"/etc/network/interfaces.d/*", interfaces},
	{"/etc/dhcpcd.conf", dhcpcd},
	{"/etc/wpa_supplicant.conf", supplicant},
	{"/etc/wpa_supplicant/*.conf", supplicant},
	{"/etc/systemd/network/*.network", networkFile},
	{"/etc/systemd/network/*.network.d/*.conf", networkFile},
	{"/etc/systemd/network/*.netdev", netdevFile},
	{"/etc/systemd/network/*.link", linkFile},
	{"/run/systemd/network/*.network", networkFile},
	{"/run/systemd/network/*.netdev", netdevFile},
	{"/var/lib/connman/*.config", connman},
	{"/etc/connman/main.conf", func(f file) { f.note("connman's own settings have no effect; use network") }},
	{"/etc/NetworkManager/system-connections/*", networkManager},
	{"/etc/NetworkManager/conf.d/*", func(f file) { f.note("NetworkManager is not here; use network") }},
}

func supplicant(f file) {
	wpa.Read(f.Draft, strings.SplitN(f.text, "\n", maxLines), func(line int) *yaml.Node { return f.node(line, "") })
}

// file is a file that is being translated.
type file struct {
	*draft.Draft
	path, text string
	at         *yaml.Node // the value of the outer document that has the text
}

// File translates the text of a file, and says whether it is one of a known kind. at is the value that has the text.
func File(d *draft.Draft, name string, text []byte, at *yaml.Node) (handled bool) {
	for _, f := range formats {
		if ok, _ := path.Match(f.pattern, name); ok {
			f.read(file{d, name, string(text), at})
			return true
		}
	}
	return false
}

func (f file) note(format string, args ...any) { f.Note(f.at, path.Base(f.path)+": "+format, args...) }

// node returns a value with the place of a line, counted from 0. In a block scalar the text begins in the line below.
func (f file) node(line int, text string) *yaml.Node {
	at := *f.at
	if at.Style&yaml.LiteralStyle != 0 {
		at.Line += 1 + line
	}
	return draft.Text(&at, text)
}

func (f file) nic(name string) *nic.NIC { return nic.New(f.Draft, f.at, name) }

// line is one line with something in it.
type line struct {
	at   *yaml.Node // a text: the whole line
	word string     // the first word
	rest string
}

// maxLines bounds how much is read of a file.
const maxLines = 5000

// lines returns the lines that have something in them, without comments.
func (f file) lines(comments string) (out []line) {
	for i, text := range strings.Split(f.text, "\n") {
		if i == maxLines {
			f.Refuse(f.at, "%s: more than %d lines; the rest is left out", path.Base(f.path), maxLines)
			break
		}
		text = strings.TrimSpace(text)
		if text == "" || strings.ContainsAny(text[:1], comments) {
			continue
		}
		word, rest := text, ""
		if end := strings.IndexAny(text, " \t"); end >= 0 {
			word, rest = text[:end], strings.TrimSpace(text[end:])
		}
		out = append(out, line{f.node(i, text), word, rest})
	}
	return out
}

// setting is one KEY=VALUE of a section.
type setting struct {
	key   string
	value *yaml.Node
}

// part is one [SECTION] of a file in the format of INI files.
type part struct {
	name     string
	settings []setting
}

// parts reads a file in the format of INI files. Keys are in lower case, because some programs do not tell cases apart.
func (f file) parts() (out []part) {
	out = append(out, part{})
	for _, l := range f.lines("#;") {
		if name, ok := strings.CutPrefix(l.at.Value, "["); ok {
			out = append(out, part{name: strings.TrimSuffix(name, "]")})
			continue
		}
		key, value, _ := strings.Cut(l.at.Value, "=")
		last := &out[len(out)-1]
		text := *l.at
		text.Value = strings.TrimSpace(value)
		last.settings = append(last.settings, setting{strings.ToLower(strings.TrimSpace(key)), &text})
	}
	return out
}

// get returns the last value of a key; "" if there is none.
func (p part) get(key string) (value string) {
	if n := p.node(key); n != nil {
		return n.Value
	}
	return ""
}

func (p part) node(key string) (value *yaml.Node) {
	for _, s := range p.settings {
		if s.key == key {
			value = s.value
		}
	}
	return value
}

// list splits a value at commas, semicolons and blanks.
func list(value *yaml.Node) (out []*yaml.Node) {
	if value == nil {
		return nil
	}
	for _, word := range strings.FieldsFunc(value.Value, func(r rune) bool { return strings.ContainsRune(",; \t", r) }) {
		out = append(out, draft.Text(value, word))
	}
	return out
}

// first returns what stands before a separator, and what is behind it, without blanks.
func first(text, sep string) (string, string) {
	a, b, _ := strings.Cut(text, sep)
	return strings.TrimSpace(a), strings.TrimSpace(b)
}
