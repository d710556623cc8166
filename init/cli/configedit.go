package cli

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/account"
	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/bootfile"
	"github.com/proa-os/proa/init/confirm"
	"github.com/proa-os/proa/init/control"
	"github.com/proa-os/proa/init/inforce"
)

const configHelp = `
The text is checked as at boot. A text with a problem is not saved: the configuration is unchanged, and the text is kept in /run/proa. The
previous configuration is saved as /boot/config.yaml.good; to go back: proa config apply /boot/config.yaml.good. SSH keys, files, sysctls,
modules, network (except Wi-Fi) and NTP servers take effect at once; the command says what needs proa restart k3s or proa reboot.

With --confirm the change is on trial: unless proa config confirm is run within that time, the old configuration returns by
itself, and so it does if the change costs the default route, the SSH server, or the node's Ready. That holds across one
restart of the machine, for what needs one; a second one brings back the old configuration.

Examples:
  proa config apply new.yaml --confirm 10m     then, if the machine still answers: proa config confirm
  proa config edit
  ssh root@NODE proa config apply - < config.yaml
`

// Where a text is kept that could not be saved. It may have secrets, so it is in memory (tmpfs).
const (
	editFile     = "/run/proa/config.edit.yaml"
	rejectedFile = "/run/proa/config.rejected.yaml"
)

// applying are the flags of `proa config apply`.
type applying struct {
	force   bool
	confirm time.Duration // 0: without a trial
}

func applyVerb(e Env, args []string) error {
	how, name, err := parseApply(e, args)
	if err != nil {
		return err
	}
	text, err := e.given(name)
	if err != nil {
		return err
	}
	if err := e.acceptable(name, text); err != nil && !how.force {
		return e.reject(text, fmt.Errorf("%w; --force saves it nevertheless, and the machine ignores the invalid parts", err))
	}
	if how.confirm > 0 {
		return e.try(text, how.confirm)
	}
	before, err := e.current()
	if err != nil {
		return err
	}
	return e.save(before, text, rejectedFile)
}

// parseApply takes flags before and after the file.
func parseApply(e Env, args []string) (how applying, name string, err error) {
	usage := errors.New("usage: proa config apply FILE [--confirm 10m]; - reads standard input")
	fs := flags(e, "config apply")
	fs.BoolVar(&how.force, "force", false, "save a text with problems too")
	fs.DurationVar(&how.confirm, "confirm", 0, "take the change back unless proa config confirm is run within this time")
	names, err := parsed(fs, args)
	if err != nil {
		return how, "", err
	}
	given := false
	fs.Visit(func(f *flag.Flag) { given = given || f.Name == "confirm" })
	switch {
	case len(names) != 1:
		return how, "", usage
	case given && (how.confirm < confirm.Shortest || how.confirm > confirm.Longest):
		return how, "", fmt.Errorf("--confirm: want a time from %s to %s, such as 10m", confirm.Shortest, confirm.Longest)
	}
	return how, names[0], nil
}

func (e Env) given(name string) ([]byte, error) {
	if name != "-" {
		return config.Read(name)
	}
	in := e.stdin()
	if terminal(in) {
		return nil, errors.New("standard input is a terminal; use < FILE, or proa config edit")
	}
	return io.ReadAll(io.LimitReader(in, config.MaxSize+1))
}

func (e Env) stdin() io.Reader {
	if e.In != nil {
		return e.In
	}
	return os.Stdin
}

// current returns the current text; an empty one if there is no file.
func (e Env) current() ([]byte, error) {
	text, err := config.Read(e.Root + inforce.ConfigFile)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return text, err
}

// acceptable prints the problems of a text. A text that would lock out all users is an error.
func (e Env) acceptable(name string, text []byte) error {
	line, err := e.read("/proc/cmdline")
	if err != nil {
		return err
	}
	l, err := inforce.ReadWith(e.Root, string(line), name, text)
	if err != nil {
		return err
	}
	var ours []config.Problem
	for _, p := range l.Problems {
		fmt.Fprintln(e.Err, p)
		if !slices.Contains(l.Sources, p.File) || p.File == name { // those of other files were there before
			ours = append(ours, p)
		}
	}
	if config.Errors(ours) > 0 {
		return count(ours)
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return errors.New("the text is empty")
	}
	if held, err := inforce.Load(e.Root); err == nil && loginable(held.Config) && !loginable(l.Config) {
		return errors.New("no SSH key and no account with a password is left: nobody could log in any more")
	}
	return nil
}

func loginable(c *config.Config) bool {
	key, password, _ := account.Logins(c)
	return key || password
}

// reject keeps a text that exists nowhere else.
func (e Env) reject(text []byte, why error) error {
	if err := os.WriteFile(e.Root+rejectedFile, text, 0o600); err != nil {
		return fmt.Errorf("not saved: %w; and the text could not be kept: %w", why, err)
	}
	return fmt.Errorf("not saved: %w; the text is kept in %s", why, rejectedFile)
}

// save writes the text and makes PID 1 read it. before is the text it was made from: if the file was changed meanwhile
// it is not overwritten.
func (e Env) save(before, text []byte, keptIn string) error {
	signal.Ignore(unix.SIGPIPE, unix.SIGHUP) // a broken connection must not interrupt this
	lock, err := e.lock()
	if err != nil {
		return e.reject(text, err)
	}
	defer lock.Close()
	now, err := e.current()
	if err == nil && !bytes.Equal(now, before) {
		err = errors.New("another process changed the configuration meanwhile; see proa config show, then run the command again")
	}
	if err == nil {
		err = e.noTrial()
	}
	if err == nil {
		err = e.replace(text)
	}
	if err != nil {
		return e.reject(text, err)
	}
	fmt.Fprintf(e.Out, "saved as %s; the previous one is %s\n", inforce.ConfigFile, inforce.GoodFile)
	_ = os.Remove(e.Root + keptIn) // usually does not exist
	if err := e.ask(control.Request{Verb: "reload"}); err != nil {
		return fmt.Errorf("saved, but not in force: %w; it takes effect with proa reboot", err)
	}
	return nil
}

func (e Env) replace(text []byte) error {
	p, err := e.place()
	if err != nil {
		return err
	}
	return p.Replace(filepath.Base(inforce.ConfigFile), filepath.Base(inforce.GoodFile), text)
}

// place returns where the configuration can be written.
func (e Env) place() (bootfile.Place, error) {
	if e.Place != nil {
		return e.Place()
	}
	m, err := boot.Running(e.Sys)
	if err != nil {
		return bootfile.Place{}, err
	}
	return m.DocumentPlace()
}

// editVerb continues with a text that an earlier edit could not save.
func editVerb(e Env, args []string) error {
	if err := noArgs(args); err != nil {
		return err
	}
	before, err := e.current()
	if err != nil {
		return err
	}
	file := e.Root + editFile
	if kept, err := os.ReadFile(file); err == nil && len(kept) > 0 {
		fmt.Fprintf(e.Out, "continuing with the text of an earlier edit, which was not saved: %s; remove that file to start over\n", editFile)
	} else if err := os.WriteFile(file, before, 0o600); err != nil {
		return err
	}
	answers := bufio.NewReader(e.stdin())
	for {
		if err := e.edit(file); err != nil {
			return fmt.Errorf("%w; nothing is saved, the text is kept in %s", err, editFile)
		}
		text, err := config.Read(file)
		if err != nil {
			return err
		}
		if bytes.Equal(text, before) {
			fmt.Fprintln(e.Out, "nothing was changed")
			return os.Remove(file)
		}
		why := e.acceptable("config.yaml", text)
		if why == nil {
			return e.save(before, text, editFile)
		}
		fmt.Fprintf(e.Out, "not saved: %v. Edit again? [Y/n] ", why)
		if a, err := answers.ReadString('\n'); err != nil || strings.HasPrefix(strings.ToLower(strings.TrimSpace(a)), "n") {
			return fmt.Errorf("not saved: %w; the text is kept in %s; proa config edit continues with it", why, editFile)
		}
	}
}

// edit runs $VISUAL, $EDITOR or vi with the shell, because it may have arguments.
func (e Env) edit(file string) error {
	if e.Edit != nil {
		return e.Edit(file)
	}
	if !terminal(os.Stdin) {
		return errors.New("standard input is no terminal (ssh -t gives one); proa config apply - < FILE needs none")
	}
	editor := "vi"
	for _, name := range []string{"EDITOR", "VISUAL"} {
		if v := os.Getenv(name); v != "" {
			editor = v
		}
	}
	c := exec.Command("/bin/sh", "-c", editor+` "$1"`, "sh", file)
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := c.Run(); err != nil {
		return fmt.Errorf("editor %s: %w", editor, err)
	}
	return nil
}
