package imager

import (
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/wpa"
)

// firstRun reads the calls in the script that Imager writes for a first boot, of the programs imager_custom and
// userconf, and what it does on systems that lack these.
func firstRun(d *draft.Draft, lines []string) {
	s := setup{d: d}
	var later, old, last []func()
	for i := 0; i < len(lines); i++ {
		words, end := shellWords(lines, i)
		switch n := at(i, 0); {
		case len(words) >= 2 && strings.HasSuffix(words[0], "/imager_custom"):
			later = append(later, func() { s.custom(i, words[1], words[2:]) })
		case len(words) == 3 && strings.HasSuffix(words[0], "/userconf"):
			s.account(n, words[1])
			s.password(n, words[2])
		case len(words) == 3 && words[0] == "echo" && words[2] == ">/etc/hostname":
			old = append(old, func() { s.unless(n, words[1], s.hostname, "hostname") })
		case len(words) > 4 && words[0] == "echo" && words[len(words)-2] == "chpasswd":
			_, hash, _ := strings.Cut(words[1], ":")
			old = append(old, func() { s.unless(n, hash, s.password, "users") })
		case len(words) > 2 && words[0] == "install" && strings.HasSuffix(words[len(words)-1], "/authorized_keys"):
			keys := strings.Split(strings.TrimSuffix(words[len(words)-2], ")"), `\n`)
			last = append(last, func() { s.unlessKeys(n, keys) })
		case len(words) > 0 && strings.HasSuffix(words[len(words)-1], "<<WPAEOF") || strings.Contains(lines[i], "<<'WPAEOF'"):
			block := until(lines[i+1:], "WPAEOF")
			if d.Get("network", "wifi") == nil {
				wpa.Read(d, block, func(line int) *yaml.Node { return at(i+1+line, 0) })
			}
			end = i + len(block) + 1
		}
		i = end
	}
	for _, do := range later { // keys belong to the account, which stands behind them
		do()
	}
	for _, do := range append(old, last...) { // what it does without these programs
		do()
	}
	d.Note(at(0, 0), "this script is not run; its host name, account, keys, Wi-Fi and time zone are read")
}

// unless sets a value if the script has not set it before.
func (s *setup) unless(n *yaml.Node, value string, set func(*yaml.Node, string), key string) {
	if s.d.Get(key) == nil {
		set(n, value)
	}
}

func (s *setup) unlessKeys(n *yaml.Node, keys []string) {
	if s.d.Get("ssh_authorized_keys") != nil {
		return
	}
	for _, key := range keys {
		s.key(n, key)
	}
}

func until(lines []string, word string) []string {
	for i, l := range lines {
		if strings.TrimSpace(l) == word {
			return lines[:i]
		}
	}
	return lines
}

// custom is one call of imager_custom.
func (s *setup) custom(line int, verb string, args []string) {
	n := at(line, 0)
	var flags string
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		flags, args = flags+" "+args[0], args[1:]
	}
	switch {
	case verb == "enable_ssh":
		s.passwords(n, !strings.Contains(flags, "-k"))
		for _, a := range args {
			s.key(n, a)
		}
	case len(args) == 0:
	case verb == "set_hostname":
		s.hostname(n, args[0])
	case verb == "set_timezone":
		s.timezone(n, args[0])
	case verb == "set_keymap":
		s.keymap(n)
	case verb == "set_wlan":
		args = append(args, "", "")
		s.d.Set(draft.List(n), "network", "wifi") // instead of what the script does on systems without imager_custom
		s.wifi(n, args[0], args[1], strings.Contains(flags, "-h"))
		if args[2] != "" {
			s.country(n, args[2])
		}
	}
}

// shellWords splits the command that begins in a line at blanks outside of quotes (sh(1)). Quotes may span lines; end is
// the last line of the command.
func shellWords(lines []string, i int) (words []string, end int) {
	var word strings.Builder
	in, any := byte(0), false
	for end = i; end < len(lines); end++ {
		l := lines[end]
		for j := 0; j < len(l); j++ {
			switch c := l[j]; {
			case in != 0 && c == in:
				in = 0
			case in == '\'':
				word.WriteByte(c)
			case c == '\\' && j+1 < len(l) && (in == 0 || strings.IndexByte("$`\"\\", l[j+1]) >= 0):
				j++
				word.WriteByte(l[j])
			case in == 0 && (c == '\'' || c == '"'):
				in, any = c, true
			case in == 0 && (c == ' ' || c == '\t'):
				if any {
					words = append(words, word.String())
				}
				word.Reset()
				any = false
				continue
			default:
				word.WriteByte(c)
			}
			any = true
		}
		if in == 0 || end-i >= maxLines {
			break
		}
		word.WriteByte('\n')
	}
	if any {
		words = append(words, word.String())
	}
	return words, min(end, len(lines)-1)
}

// maxLines bounds how far a quote that is never closed is followed.
const maxLines = 100
