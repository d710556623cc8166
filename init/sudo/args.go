package sudo

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Usage is the help.
const Usage = `usage: sudo [-nE] [-u USER] [NAME=VALUE …] COMMAND [ARGUMENT …]
       sudo -i|-s [-nE] [-u USER] [COMMAND [ARGUMENT …]]
Runs a command as root, for administrators of this machine (users, admin: true). No password is asked.
  -u, --user USER          as USER, a name or #NUMBER, instead of root
  -i, --login              by a login shell of that account, in its home directory
  -s, --shell              by your shell
  -E, --preserve-env       keep all variables of the environment
  -n, --non-interactive    nothing: no password is ever asked (-S, -H as well: there is none to read, HOME is always set)
  -h, --help    -V, --version
`

// call is a command line of sudo.
type call struct {
	request
	help, version bool
}

// option is one row: short and long name, whether it takes a value, and what it does.
type option struct {
	short byte
	long  string
	value bool
	set   func(c *call, value string)
}

func options() []option {
	none := func(*call, string) {}
	return []option{
		{'u', "user", true, func(c *call, v string) { c.User = v }},
		{'i', "login", false, func(c *call, _ string) { c.Shell = "-" }},
		{'s', "shell", false, func(c *call, _ string) { c.Shell = "s" }},
		{'E', "preserve-env", false, func(c *call, _ string) { c.Keep = true }},
		{'n', "non-interactive", false, none},
		{'S', "stdin", false, none},
		{'H', "set-home", false, none},
		{'h', "help", false, func(c *call, _ string) { c.help = true }},
		{'V', "version", false, func(c *call, _ string) { c.version = true }},
	}
}

var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*=`)

// parse reads the arguments: options, variables, and the command, which begins with the first other word.
func parse(args []string) (c call, err error) {
	c.User = "root"
	for len(args) > 0 {
		word := args[0]
		switch {
		case word == "--":
			c.Argv = args[1:]
			return c, c.complete()
		case variable.MatchString(word):
			c.Set, args = append(c.Set, word), args[1:]
		case len(word) < 2 || word[0] != '-':
			c.Argv = args
			return c, c.complete()
		default:
			if args, err = c.option(args); err != nil {
				return c, err
			}
		}
	}
	return c, c.complete()
}

// option reads one word of options, and its value if it has one.
func (c *call) option(args []string) (rest []string, err error) {
	word, rest := args[0], args[1:]
	if name, long := strings.CutPrefix(word, "--"); long {
		name, value, given := strings.Cut(name, "=")
		o, err := find(word, func(o option) bool { return o.long == name })
		if err == nil && !o.value && given {
			err = fmt.Errorf("--%s takes no value here", name)
		}
		if err != nil {
			return nil, err
		}
		return c.apply(o, value, given, rest)
	}
	for i := 1; i < len(word); i++ {
		o, err := find("-"+word[i:i+1], func(o option) bool { return o.short == word[i] })
		if err != nil {
			return nil, err
		}
		if o.value {
			return c.apply(o, word[i+1:], i+1 < len(word), rest)
		}
		o.set(c, "")
	}
	return rest, nil
}

func (c *call) apply(o option, value string, given bool, rest []string) ([]string, error) {
	if o.value && !given {
		if len(rest) == 0 {
			return nil, fmt.Errorf("-%c needs a value", o.short)
		}
		value, rest = rest[0], rest[1:]
	}
	o.set(c, value)
	return rest, nil
}

func find(word string, is func(option) bool) (option, error) {
	i := slices.IndexFunc(options(), is)
	if i < 0 {
		return option{}, fmt.Errorf("this sudo has no option %s; sudo -h lists those it has", word)
	}
	return options()[i], nil
}

// complete requires a command, unless something else is asked for.
func (c *call) complete() error {
	if len(c.Argv) == 0 && c.Shell == "" && !c.help && !c.version {
		return fmt.Errorf("no command; sudo -i starts a shell\n%s", strings.TrimSpace(Usage))
	}
	return nil
}
