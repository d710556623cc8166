// Package run is the program proa-install: it finds out what to install where, asks if it is to ask, and calls the
// engine. It refuses to overwrite a disk with something on it unless somebody said so: the user on the screen, --force,
// or install.force.
package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/fetch"
	"github.com/proa-os/proa/init/install"
	"github.com/proa-os/proa/init/install/medium"
	"github.com/proa-os/proa/init/install/target"
)

// Env is what the program has of the machine; tests replace it.
type Env struct {
	Root      string // prefix of /proc, /sys and /dev
	MediumDir string // where the live medium is mounted
	In        io.Reader
	Out       io.Writer
	Live      bool          // the output is a terminal, which shows progress in one line
	Echo      func(on bool) // says whether the terminal shows what is typed; nil: the input is none
	Fetch     func(context.Context, fetch.Request) (fetch.Answer, error)
	Address   func() bool               // says whether the machine has an address
	End       func(powerOff bool) error // restarts or switches off the machine
	Open      func(path string) (install.Device, error)
	List      func(layout.Spec) ([]target.Disk, error) // nil: target.List
}

// Choice is a decided installation.
type Choice struct {
	Medium medium.Medium
	Disk   target.Disk
	Config []byte
	Keep   bool
}

func (e Env) disks(spec layout.Spec) ([]target.Disk, error) {
	if e.List != nil {
		return e.List(spec)
	}
	return target.List(e.Root+"/", spec)
}

// mediumConfig is the configuration on the live medium, without what is only for the installer.
func (e Env) mediumConfig() ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(e.MediumDir, layout.ConfigFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return without(text), err
}

// check prints what preflight found, and returns an error if something of it ends the installation.
func (e Env) check(c Choice) error {
	for _, f := range target.Preflight(target.Facts{Root: e.Root, Disk: c.Disk, Config: c.Config, Keep: c.Keep}) {
		if f.Level == target.Stop {
			return fmt.Errorf("%s: %s", c.Disk.Path, f.Text)
		}
		fmt.Fprintln(e.Out, f)
	}
	return nil
}

// install runs the engine with its progress.
func (e Env) install(ctx context.Context, c Choice) error {
	began := time.Now()
	shown := &meter{out: e.Out, live: e.Live}
	j := &install.Job{Medium: c.Medium, Path: c.Disk.Path, Config: c.Config, Keep: c.Keep, Open: e.Open, Progress: shown.show}
	err := j.Run(ctx)
	shown.end()
	if err != nil {
		return err
	}
	fmt.Fprintf(e.Out, "installed proa %s on %s in %s; all of it was read back\n", c.Medium.Kit.Version, c.Disk.Path, time.Since(began).Round(time.Second))
	return nil
}

// next says what to do next.
func next(c Choice) string {
	conf, _ := config.Parse(layout.ConfigFile, c.Config)
	name := conf.Hostname
	if name == "" {
		name = "proa-…, shown on its console"
	}
	text := "Next:\n  Remove the medium and restart the machine; it starts from " + c.Disk.Path + ".\n  Its name is " + name +
		"; the console shows its address and when the node is ready.\n"
	if len(conf.SSHAuthorizedKeys) > 0 {
		text += "  ssh root@ADDRESS proa status\n  ssh root@ADDRESS proa kubeconfig > kubeconfig\n"
	}
	return text
}
