package imager

import (
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
)

// setting is a key of custom.toml with its section, such as wlan.ssid.
type setting struct {
	name   string
	at     *yaml.Node
	values []string // one, or those of an array
}

// custom has what needs several keys.
type custom struct {
	setup
	account, password *setting
	ssid, passphrase  *setting
	keys              []setting
	hidden            bool
}

// customTOML reads the part of TOML that Imager writes: sections, strings, booleans, numbers, arrays of strings.
func customTOML(d *draft.Draft, lines []string) {
	c := custom{setup: setup{d: d}}
	for _, s := range settings(d, lines) {
		c.take(s)
	}
	if c.account != nil {
		c.setup.account(c.account.at, c.account.values[0])
	}
	if c.password != nil {
		c.setup.password(c.password.at, c.password.values[0])
	}
	for _, s := range c.keys {
		for _, key := range s.values {
			c.key(s.at, key)
		}
	}
	if c.ssid != nil {
		secret := ""
		if c.passphrase != nil {
			secret = c.passphrase.values[0]
		}
		c.wifi(c.ssid.at, c.ssid.values[0], secret, c.hidden)
	}
}

func (c *custom) take(s setting) {
	value := s.values[0]
	switch s.name {
	case "config_version", "user.password_encrypted", "wlan.password_encrypted", "ssh.enabled":
		// hashes and keys are told from plain text by their form; the SSH server runs whenever somebody can log in
	case "system.hostname":
		c.hostname(s.at, value)
	case "user.name":
		c.account = &s
	case "user.password":
		c.password = &s
	case "ssh.password_authentication":
		c.passwords(s.at, value == "true")
	case "ssh.authorized_keys":
		c.keys = append(c.keys, s)
	case "wlan.ssid":
		c.ssid = &s
	case "wlan.password":
		c.passphrase = &s
	case "wlan.hidden":
		c.hidden = value == "true"
	case "wlan.country":
		c.country(s.at, value)
	case "locale.timezone":
		c.timezone(s.at, value)
	case "locale.keymap":
		c.keymap(s.at)
	default:
		c.d.Note(s.at, "this key has no effect; config.yaml has all settings")
	}
}

// settings returns the keys that have a value.
func settings(d *draft.Draft, lines []string) (out []setting) {
	section := ""
	for i := 0; i < len(lines); i++ {
		l := strings.TrimSpace(lines[i])
		switch key, value, ok := strings.Cut(l, "="); {
		case l == "" || strings.HasPrefix(l, "#"):
		case strings.HasPrefix(l, "["):
			section = strings.Trim(strings.SplitN(l, "#", 2)[0], "[] \t") + "."
		case !ok:
			d.Refuse(at(i, 0), "want [section] or key = value")
		default:
			s := setting{strings.TrimPrefix(section+strings.TrimSpace(key), "."), at(i, 0), nil}
			for strings.HasPrefix(strings.TrimSpace(value), "[") && !closed(value) && i+1 < len(lines) {
				i++
				value += " " + lines[i]
			}
			if s.values, ok = values(strings.TrimSpace(value)); !ok {
				d.Refuse(s.at, "%s: want a string in quotes, true, false, a number, or [ strings ]", s.name)
			} else if len(s.values) > 0 {
				out = append(out, s)
			}
		}
	}
	return out
}

// closed says whether an array ends in a text: with a ] outside of quotes.
func closed(text string) bool {
	rest := strings.TrimSpace(text)[1:]
	for rest != "" {
		switch rest[0] {
		case ']':
			return true
		case '"', '\'':
			_, after, ok := quoted(rest)
			if !ok {
				return false
			}
			rest = after
		default:
			rest = rest[1:]
		}
	}
	return false
}

// values returns one value, or those of an array.
func values(text string) (out []string, ok bool) {
	switch {
	case text == "":
		return nil, false
	case text[0] == '"' || text[0] == '\'':
		v, _, ok := quoted(text)
		return []string{v}, ok
	case text[0] != '[':
		return []string{strings.TrimSpace(strings.SplitN(text, "#", 2)[0])}, true
	}
	for rest := text[1:]; ; {
		rest = strings.TrimLeft(rest, " \t,")
		if rest == "" {
			return nil, false
		}
		if rest[0] == ']' {
			return out, true
		}
		v, after, ok := quoted(rest)
		if !ok {
			return nil, false
		}
		out, rest = append(out, v), after
	}
}

// quoted returns the string that a text begins with, and what follows it.
func quoted(text string) (value, rest string, ok bool) {
	switch text[0] {
	case '\'':
		value, rest, ok = strings.Cut(text[1:], "'")
		return value, rest, ok
	case '"':
		literal, err := strconv.QuotedPrefix(text)
		if err != nil {
			return "", "", false
		}
		value, err = strconv.Unquote(literal)
		return value, text[len(literal):], err == nil
	}
	return "", "", false
}
