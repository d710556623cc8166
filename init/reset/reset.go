// Package reset brings an installed machine back to the state of a new one, or erases its data only. It refuses to do
// anything without --yes. Data is erased by the next boot; the slots stay, and the machine runs on until then.
package reset

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/proa-os/proa/init/bootfile"
	"github.com/proa-os/proa/init/confirm"
	"github.com/proa-os/proa/init/datasource"
)

// EraseHelp and Help are what --help adds.
const (
	EraseHelp = `
The data partition holds the cluster, its certificates and volumes, images, logs, host keys and all that
users have put on the machine. The next boot makes a new file system there, like the first boot.
Configuration and slots are on other partitions and stay.

  proa data erase --yes && proa reboot
`
	Help = `
The machine becomes as it was when it was new. Lost are, at the next boot, everything on the data partition
(the cluster, its certificates and volumes, images, logs, host keys, the machine's id and name) and, at once,
the configuration with its SSH keys and network: afterwards nobody can log in until config.yaml on the boot
partition has a key again. --keep-config leaves the configuration. The slots stay.

  proa reset --yes && proa reboot
  proa reset --keep-config --yes && proa reboot
`
)

// Machine is what is reset.
type Machine struct {
	Out, Err io.Writer
	Erase    func() error                   // makes the next boot format the data partition
	Place    func() (bootfile.Place, error) // the boot partition
}

const erased = "the data partition is formatted at the next boot; to restart now: proa reboot"

// EraseData is proa data erase.
func (m Machine) EraseData(args []string) error {
	fs := m.flags("data erase")
	yes := fs.Bool("yes", false, "everything on the data partition may be lost")
	if err := parsed(fs, args); err != nil {
		return err
	}
	if !*yes {
		return errors.New("this erases everything on the data partition at the next boot; add --yes to confirm")
	}
	if err := m.Erase(); err != nil {
		return err
	}
	fmt.Fprintln(m.Out, erased)
	return nil
}

// Reset is proa reset. Data is marked first: if something fails after that, the machine can still be logged into, and
// the command can be repeated.
func (m Machine) Reset(args []string) error {
	fs := m.flags("reset")
	yes := fs.Bool("yes", false, "data and configuration may be lost")
	keep := fs.Bool("keep-config", false, "leave the configuration")
	if err := parsed(fs, args); err != nil {
		return err
	}
	if !*yes {
		return errors.New(map[bool]string{
			false: "this erases all data at the next boot and removes the configuration, with its SSH keys; add --yes to confirm, or --keep-config",
			true:  "this erases all data at the next boot and keeps the configuration; add --yes to confirm",
		}[*keep])
	}
	if err := m.Erase(); err != nil {
		return err
	}
	if !*keep {
		if err := m.forget(); err != nil {
			return fmt.Errorf("data is erased at the next boot, but the configuration was not removed completely: %w", err)
		}
		fmt.Fprintln(m.Out, "the configuration was removed; this machine uses it until it restarts")
	}
	fmt.Fprintln(m.Out, erased)
	return nil
}

// fresh is config.yaml of a machine without a configuration. An empty file would mean the one before the last change.
const fresh = "# The configuration was removed by proa reset.\nversion: 1\n"

// forget removes every file with configuration from the boot partition: earlier texts first, since one of them would be
// used without config.yaml.
func (m Machine) forget() error {
	place, err := m.Place()
	if err != nil {
		return err
	}
	own := path.Base(datasource.ConfigFile)
	names := []string{own + ".good", confirm.File, confirm.Rejected}
	for _, s := range datasource.Table() {
		if s.Dir == datasource.BootDir {
			names = append(names, s.Files...)
		}
	}
	for _, name := range names {
		if _, err := os.Lstat(filepath.Join(place.Dir, name)); name == own || errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err := place.Remove(name); err != nil {
			return err
		}
	}
	return place.Put(own, []byte(fresh))
}

func (m Machine) flags(name string) *flag.FlagSet {
	fs := flag.NewFlagSet("proa "+name, flag.ContinueOnError)
	fs.SetOutput(m.Err)
	return fs
}

func parsed(fs *flag.FlagSet, args []string) error {
	if err := fs.Parse(args); err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", strings.TrimSpace(fs.Arg(0)))
	}
	return nil
}
