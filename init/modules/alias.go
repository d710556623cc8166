package modules

import "strings"

// aliases are the patterns of modules.alias, indexed by their literal prefix up to the colon (pci:, usb:, virtio:),
// with a cache of results. Matching 20,000 patterns for each of 300 devices would take seconds on a small board.
type aliases struct {
	byBus map[string][]alias
	known map[string][]string
}

type alias struct {
	literal string // literal part before the first wildcard
	rest    string // rest of the pattern
	module  string
}

// line reads "alias PATTERN MODULE".
func (a *aliases) line(line string) {
	rest, ok := strings.CutPrefix(line, "alias ")
	if !ok {
		return
	}
	pattern, module, ok := strings.Cut(rest, " ")
	if !ok {
		return
	}
	if a.byBus == nil {
		a.byBus, a.known = map[string][]alias{}, map[string][]string{}
	}
	bus := busOf(pattern)
	if bus == "" { // an alias of a name, spelt with dashes or underscores
		pattern = strings.ReplaceAll(pattern, "_", "-")
	}
	cut := strings.IndexAny(pattern, "*?[")
	if cut < 0 {
		cut = len(pattern)
	}
	a.byBus[bus] = append(a.byBus[bus], alias{pattern[:cut], pattern[cut:], Name(module)})
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
	if out, ok := a.known[name]; ok || a.byBus == nil {
		return out
	}
	bus, spelt := busOf(name), name
	if bus == "" {
		spelt = strings.ReplaceAll(name, "_", "-")
	}
	var out []string
	for _, list := range [][]alias{a.byBus[bus], a.byBus[anyBus]} {
		for _, al := range list {
			if strings.HasPrefix(spelt, al.literal) && glob(al.rest, spelt[len(al.literal):]) {
				out = append(out, al.module)
			}
		}
	}
	a.known[name] = out
	return out
}

// glob is fnmatch without flags. path.Match treats "/" specially, and modaliases of device trees may contain one.
func glob(pattern, s string) bool {
	for pattern != "" {
		switch pattern[0] {
		case '*':
			if pattern = pattern[1:]; pattern == "" {
				return true
			}
			for i := 0; i <= len(s); i++ {
				if glob(pattern, s[i:]) {
					return true
				}
			}
			return false
		case '[':
			end := strings.IndexByte(pattern, ']')
			if s == "" || end < 0 || !inClass(pattern[1:end], s[0]) {
				return false
			}
			pattern = pattern[end:]
		default:
			if s == "" || pattern[0] != '?' && pattern[0] != s[0] {
				return false
			}
		}
		pattern, s = pattern[1:], s[1:]
	}
	return s == ""
}

// inClass matches a bracket expression: characters and ranges.
func inClass(class string, c byte) bool {
	for i := 0; i < len(class); i++ {
		if i+2 < len(class) && class[i+1] == '-' {
			if class[i] <= c && c <= class[i+2] {
				return true
			}
			i += 2
			continue
		}
		if class[i] == c {
			return true
		}
	}
	return false
}
