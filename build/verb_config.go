package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/proa-os/proa/config/inspect"
)

const configHelp = `
The verbs about configuration files, with the code that reads them on the device.

  validate FILE…   all problems of all files; - is standard input
  show FILE…       the configuration that the files make together

` + inspect.ValidateHelp + `  proa config show --origin user-data config.yaml

` + inspect.ShowHelp

// configFilesFlags are those of all verbs about configuration files.
func configFilesFlags(f *flag.FlagSet, o *options) {
	o.validate.Flags(f)
	o.show.Flags(f)
}

// configFilesVerbs is the table of the second words.
func configFilesVerbs() map[string]func(*call, inspect.Streams, []string) error {
	return map[string]func(*call, inspect.Streams, []string) error{
		"show":     func(c *call, s inspect.Streams, files []string) error { return c.opts.show.Run(s, files) },
		"validate": func(c *call, s inspect.Streams, files []string) error { return c.opts.validate.Run(s, files) },
	}
}

func configFilesVerb(_ context.Context, c *call) error {
	if len(c.args) == 0 {
		return usage("config needs a subcommand: %s", strings.Join(subcommands(), ", "))
	}
	run, ok := configFilesVerbs()[c.args[0]]
	if !ok {
		return usage("config: no subcommand %q%s", c.args[0], didYouMean(c.args[0], subcommands()))
	}
	err := run(c, inspect.Streams{In: os.Stdin, Out: c.out}, c.args[1:])
	if errors.Is(err, inspect.ErrUsage) {
		return usage("%v", err)
	}
	if err != nil {
		return fmt.Errorf("config %s: %w", c.args[0], err)
	}
	return nil
}

func subcommands() (out []string) {
	for name := range configFilesVerbs() {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}
