package modules

import (
	"path"
	"strings"
)

// aliases are the patterns of modules.alias, kept by what stands before their first wildcard up to the colon (pci:, usb:, virtio:),
// because trying 20,000 patterns for each of 300 devices is seconds on a small board.
type aliases struct {
	byBus map[string][]alias
}

type alias struct{ pattern, module string }

// line reads "alias PATTERN MODULE".
func (a *aliases) line(line string) {
	words := strings.Fields(line)
	if len(words) != 3 || words[0] != "alias" {
		return
	}
	if a.byBus == nil {
		a.byBus = map[string][]alias{}
	}
	bus := busOf(words[1])
	a.byBus[bus] = append(a.byBus[bus], alias{words[1], Name(words[2])})
}

func busOf(s string) string {
	bus, _, found := strings.Cut(s, ":")
	switch {
	case !found:
		return ""
	case strings.ContainsAny(bus, "*?["): // "acpi*:PNP0C0A:*"
		return anyBus
	}
	return bus
}

const anyBus = "*"

func (a *aliases) match(name string) []string {
	var out []string
	bus := busOf(name)
	for _, list := range [][]alias{a.byBus[bus], a.byBus[anyBus]} {
		for _, al := range list {
			if matches(al.pattern, name) {
				out = append(out, al.module)
			}
		}
	}
	return out
}

// matches is fnmatch without flags; path.Match differs only in what "/" means, which modaliases (device trees) may hold.
func matches(pattern, name string) bool {
	unslash := func(s string) string { return strings.ReplaceAll(s, "/", "\x01") }
	normal := strings.ReplaceAll(pattern, "_", "-")
	ok, err := path.Match(unslash(pattern), unslash(name))
	if err != nil || !ok {
		// names of modules (not of devices) may be spelt with either dash
		ok = busOf(pattern) == "" && normal == strings.ReplaceAll(name, "_", "-")
	}
	return ok
}
