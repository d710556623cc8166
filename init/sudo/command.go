package sudo

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/proa-os/proa/init/environ"
	"github.com/proa-os/proa/init/proc"
)

// command is what the service starts.
type command struct {
	path string
	argv []string
	env  []string
	dir  string
	who  person
}

// kept are the variables that a command gets from the client without -E: they describe the terminal and the language.
var kept = regexp.MustCompile(`^(TERM|COLORTERM|LANG|LANGUAGE|LC_[A-Z]+|TZ|NO_COLOR)=`)

// own are the variables that the service sets, whatever the client has.
var own = regexp.MustCompile(`^(PATH|HOME|USER|LOGNAME|SHELL|SUDO_USER|SUDO_UID|SUDO_GID|SUDO_COMMAND)=`)

// prepare turns a request into a command.
func (s Server) prepare(r request, name string, uid, gid uint32) (c command, err error) {
	if c.who, err = lookup(s.Root, r.User); err != nil {
		return c, err
	}
	c.dir, c.argv = r.Dir, r.Argv
	if r.Shell != "" {
		c.argv = viaShell(&c, r)
	}
	if len(c.argv) == 0 {
		return c, errors.New("no command")
	}
	login := r.Shell == "-"
	if login {
		c.dir = c.who.home
	}
	if c.dir == "" || !filepath.IsAbs(c.dir) {
		c.dir = "/"
	}
	path := "/usr/sbin:/usr/bin:/sbin:/bin"
	if c.path == "" {
		c.path, err = locate(path, c.dir, c.argv[0])
	}
	c.env = c.environment(s.configured(), r, login, path, []string{"SUDO_USER=" + name, fmt.Sprint("SUDO_UID=", uid), fmt.Sprint("SUDO_GID=", gid),
		"SUDO_COMMAND=" + strings.Join(append([]string{c.path}, c.argv[1:]...), " ")})
	return c, err
}

// viaShell returns the arguments of a shell that runs the request's command, or waits for commands if there is none. The
// first argument of a login shell begins with - (sh(1)).
func viaShell(c *command, r request) []string {
	argv := []string{r.Shell}
	c.path = r.Shell
	if r.Shell == "-" {
		c.path = c.who.shell
		argv[0] = "-" + filepath.Base(c.path)
	}
	if len(r.Argv) == 0 {
		return argv
	}
	var words []string
	for _, w := range r.Argv {
		words = append(words, quote(w))
	}
	return append(argv, "-c", strings.Join(words, " "))
}

var plain = regexp.MustCompile(`^[A-Za-z0-9_./:=@%+,$-]+$`)

// quote makes a word one word of the shell. $ stays, as sudo(8) has it: sudo -i echo '$HOME'.
func quote(w string) string {
	if plain.MatchString(w) {
		return w
	}
	return "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
}

// configured returns the environment of all programs, with what the configuration adds to it (environment). As logins do, it
// removes a pair of quotes around a value.
func (s Server) configured() (env []string) {
	all, _ := environ.Read(s.Root, environ.LoginFile, proc.Env()) // without the file it is that of all programs
	for _, v := range all {
		name, value, _ := strings.Cut(v, "=")
		if n := len(value); n > 1 && value[0] == '"' && value[n-1] == '"' {
			value = value[1 : n-1]
		}
		env = append(env, name+"="+value)
	}
	return env
}

func (c command) environment(all []string, r request, login bool, path string, about []string) (env []string) {
	for _, v := range all {
		if !own.MatchString(v) {
			env = put(env, v)
		}
	}
	for _, v := range r.Env {
		if !own.MatchString(v) && (r.Keep && !login || kept.MatchString(v)) {
			env = put(env, v)
		}
	}
	for _, v := range append(about, "PATH="+path, "HOME="+c.who.home, "USER="+c.who.name, "LOGNAME="+c.who.name, "SHELL="+c.who.shell) {
		env = put(env, v)
	}
	for _, v := range r.Set {
		env = put(env, v)
	}
	return env
}

// put replaces a variable or adds it.
func put(env []string, v string) []string {
	name, _, ok := strings.Cut(v, "=")
	if !ok {
		return env
	}
	if i := slices.IndexFunc(env, func(e string) bool { return strings.HasPrefix(e, name+"=") }); i >= 0 {
		env[i] = v
		return env
	}
	return append(env, v)
}

// locate returns the path of a command: as it is, in the directory, or in one of the path's.
func locate(path, dir, name string) (string, error) {
	if strings.Contains(name, "/") {
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		return name, runnable(name)
	}
	for _, d := range strings.Split(path, ":") {
		if runnable(filepath.Join(d, name)) == nil {
			return filepath.Join(d, name), nil
		}
	}
	return "", fmt.Errorf("%s: command not found", name)
}

func runnable(file string) error {
	st, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: command not found", file)
	case err != nil:
		return err
	case st.IsDir() || st.Mode()&0o111 == 0:
		return fmt.Errorf("%s: not a program", file)
	}
	return nil
}
