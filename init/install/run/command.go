package run

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/fetch"
	"github.com/proa-os/proa/init/install/help"
	"github.com/proa-os/proa/init/install/medium"
	"github.com/proa-os/proa/init/install/screen"
	"github.com/proa-os/proa/init/install/target"
)

// flags are those of the command.
type flags struct {
	list, yes, force, reboot, powerOff bool
	device, config, url, data          string
}

// set returns the flags of the command.
func (f *flags) set() *flag.FlagSet {
	fs := flag.NewFlagSet("proa install", flag.ContinueOnError)
	for name, to := range map[string]*bool{"list": &f.list, "yes": &f.yes, "force": &f.force, "reboot": &f.reboot, "power-off": &f.powerOff} {
		fs.BoolVar(to, name, false, "")
	}
	for name, to := range map[string]*string{"device": &f.device, "config": &f.config, "config-url": &f.url, "data": &f.data} {
		fs.StringVar(to, name, "", "")
	}
	return fs
}

func parse(args []string, out io.Writer) (f flags, err error) {
	fs := f.set()
	fs.SetOutput(out)
	fs.Usage = func() { fmt.Fprint(out, "Usage: proa install [FLAGS]\n"+help.Text) }
	if err := fs.Parse(args); err != nil {
		return f, err
	}
	switch {
	case fs.NArg() > 0:
		return f, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	case f.data != "" && f.data != "keep" && f.data != "replace":
		return f, errors.New("--data: want keep or replace")
	case f.config != "" && f.url != "":
		return f, errors.New("--config and --config-url: one of them")
	case f.config == "-" && !f.yes:
		return f, errors.New("--config - reads the configuration from where an answer would be typed; add --yes")
	}
	return f, nil
}

// Command is proa install.
func (e Env) Command(ctx context.Context, args []string) error {
	f, err := parse(args, e.Out)
	if err != nil {
		return err
	}
	m, err := medium.Open(e.MediumDir)
	if err != nil {
		return err
	}
	list, err := e.disks(m.Kit.Spec)
	if err != nil {
		return err
	}
	switch {
	case f.list:
		fmt.Fprint(e.Out, target.Table(list))
		return nil
	case f.device == "" && !f.yes:
		return e.screen(ctx, m, list)
	}
	return e.direct(ctx, f, m, list)
}

// direct installs as the flags say, and asks once unless there is --yes.
func (e Env) direct(ctx context.Context, f flags, m medium.Medium, list []target.Disk) (err error) {
	c := Choice{Medium: m}
	if c.Disk, err = target.Choose(list, f.device); err != nil {
		return err
	}
	if f.yes && !f.force && c.Disk.Used {
		return fmt.Errorf("%s has something on it (%s); --force overwrites it", c.Disk.Path, c.Disk.Has)
	}
	c.Keep = f.data == "keep" || f.data == "" && c.Disk.Keeps
	if c.Config, err = e.configOf(ctx, f); err != nil {
		return err
	}
	c.Config = without(c.Config)
	if err := e.check(c); err != nil {
		return err
	}
	if !f.yes {
		if err := screen.Confirm(e.In, e.Out, warning(c)); err != nil {
			return err
		}
	}
	if err := e.install(ctx, c); err != nil {
		return err
	}
	fmt.Fprint(e.Out, next(c))
	if f.reboot || f.powerOff {
		return e.End(f.powerOff)
	}
	return nil
}

func warning(c Choice) string {
	data := "Everything on it is lost."
	if c.Keep {
		data = "Its data partition is kept, everything else on it is lost."
	}
	return fmt.Sprintf("proa %s will be written to\n  %s\n%s", c.Medium.Kit.Version, c.Disk, data)
}

func (e Env) configOf(ctx context.Context, f flags) ([]byte, error) {
	switch {
	case f.url != "":
		return e.fetchConfig(ctx, &config.Config{Install: config.Install{ConfigURL: f.url}})
	case f.config == "-":
		return io.ReadAll(io.LimitReader(e.In, config.MaxSize+1))
	case f.config != "":
		return config.Read(f.config)
	}
	return e.mediumConfig()
}

// screen asks everything.
func (e Env) screen(ctx context.Context, m medium.Medium, list []target.Disk) error {
	own, err := e.mediumConfig()
	if err != nil {
		return err
	}
	s := screen.Screen{In: e.In, Out: e.Out, Root: e.Root, Version: m.Kit.Version, Disks: list, Medium: own, Echo: e.Echo, Fetch: func(url string) ([]byte, error) {
		a, err := e.Fetch(ctx, fetch.Request{URL: url})
		return a.Body, err
	}}
	a, err := s.Ask()
	if err != nil {
		return err
	}
	c := Choice{Medium: m, Disk: a.Disk, Config: a.Config, Keep: a.Keep}
	if err := e.check(c); err != nil {
		return err
	}
	if err := screen.Confirm(e.In, e.Out, warning(c)); err != nil {
		return err
	}
	if err := e.install(ctx, c); err != nil {
		return err
	}
	fmt.Fprint(e.Out, next(c))
	answer, err := screen.Line(e.In, e.Out, "Press Enter to restart now, or type s and Enter to stay in the live system: ")
	if err != nil || strings.TrimSpace(answer) != "" {
		return nil
	}
	return e.End(false)
}
