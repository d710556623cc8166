package cli

import (
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/config/inspect"
	"github.com/proa-os/proa/init/inforce"
)

// document reads the configuration as PID 1 would now.
func (e Env) document() (inforce.Held, error) {
	line, err := e.read("/proc/cmdline")
	if err != nil {
		return inforce.Held{}, err
	}
	return inforce.ReadDocument(e.Root, string(line))
}

// showVerb prints the configuration in force, and how the file on the boot partition differs.
func showVerb(e Env, args []string) error {
	var v inspect.Show
	fs := flags(e, "config show")
	v.Flags(fs)
	if err := fs.Parse(args); err != nil {
		return flag.ErrHelp
	}
	if err := noArgs(fs.Args()); err != nil {
		return err
	}
	now, err := e.document()
	if err != nil {
		return err
	}
	held, err := inforce.Load(e.Root)
	if errors.Is(err, os.ErrNotExist) {
		fmt.Fprintf(e.Out, "# PID 1 has written no configuration to %s; this is the one in %s\n", inforce.File, now.Document)
		held, err = now, nil
	}
	if err != nil {
		return err
	}
	for _, p := range held.Problems {
		fmt.Fprintf(e.Out, "# %s\n", p)
	}
	for _, line := range differs(held, now) {
		fmt.Fprintf(e.Out, "# %s\n", line)
	}
	return v.Print(e.Out, held.Config, held.Origin)
}

const diffHelp = `
Without FILE the files of this machine are compared, as they are now; with FILE, that instead of config.yaml. - is standard input.
Each key that differs is printed with what makes it take effect: at once (with proa config apply), proa restart k3s, or
proa reboot. Secrets are hidden: two that differ look alike.

Examples:
  proa config diff
  ssh root@NODE proa config diff - < config.yaml
`

// diffVerb prints what differs from the configuration in force.
func diffVerb(e Env, args []string) error {
	if len(args) > 1 {
		return noArgs(args[1:])
	}
	line, err := e.read("/proc/cmdline")
	if err != nil {
		return err
	}
	held, err := inforce.Load(e.Root)
	if err != nil {
		return err
	}
	now, err := inforce.ReadDocument(e.Root, string(line))
	if len(args) == 1 {
		var text []byte
		if text, err = e.given(args[0]); err == nil {
			now, err = inforce.ReadWith(e.Root, string(line), args[0], text)
		}
	}
	if err != nil {
		return err
	}
	var changes []inspect.Change
	for _, c := range inforce.Changes(held.Config, now.Config) {
		changes = append(changes, inspect.Change{Key: c.Key, Says: string(c.When)})
	}
	if changes == nil {
		fmt.Fprintln(e.Out, "no differences")
	}
	return inspect.Diff(e.Out, held.Config, now.Config, changes)
}

// differs returns the keys in which the file differs from the configuration in force, and what makes them take effect.
func differs(held, now inforce.Held) (out []string) {
	if held.Sum != now.Sum {
		out = append(out, fmt.Sprintf("%s was changed since PID 1 read it; to apply it: proa config apply %[1]s, or proa reboot", now.Document))
	}
	for _, c := range inforce.Changes(held.Config, now.Config) {
		switch {
		case held.Sum != now.Sum:
			out = append(out, "differs from the file: "+c.Key)
		default:
			out = append(out, fmt.Sprintf("takes effect with %s: %s", c.When, c.Key))
		}
	}
	return out
}

// validateVerb checks files by themselves, without this machine's other sources.
func validateVerb(e Env, args []string) error {
	var v inspect.Validate
	fs := flags(e, "config validate")
	v.Flags(fs)
	if err := fs.Parse(args); err != nil {
		return flag.ErrHelp
	}
	return v.Run(inspect.Streams{In: e.stdin(), Out: e.Out}, fs.Args())
}

// checkVerb checks the configuration of this machine, or one file.
func checkVerb(e Env, args []string) error {
	var problems []config.Problem
	switch len(args) {
	case 0:
		now, err := e.document()
		if err != nil {
			return err
		}
		problems = now.Problems
	case 1:
		text, err := e.given(args[0])
		if err != nil {
			return err
		}
		_, problems = config.Parse(args[0], text)
	default:
		return noArgs(args[1:])
	}
	for _, p := range problems {
		fmt.Fprintln(e.Out, p)
	}
	if config.Errors(problems) > 0 {
		return count(problems)
	}
	fmt.Fprintln(e.Out, "no problems")
	return nil
}

func count(problems []config.Problem) error {
	if n := config.Errors(problems); n != 1 {
		return fmt.Errorf("%d problems", n)
	}
	return errors.New("1 problem")
}
