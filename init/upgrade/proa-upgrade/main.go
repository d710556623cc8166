// Command proa-upgrade is the engine of upgrades: the verbs of proa upgrade, and the service upgrade. It is a program of
// its own, so that PID 1 and the initramfs stay small. It writes nothing but the slot that does not run, the boot state,
// and its journal.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/releasefile"
	"github.com/proa-os/proa/images/releasemeta"
	"github.com/proa-os/proa/init/background"
	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/clock"
	"github.com/proa-os/proa/init/control"
	"github.com/proa-os/proa/init/inforce"
	"github.com/proa-os/proa/init/otherslot"
	"github.com/proa-os/proa/init/slotwrite"
	"github.com/proa-os/proa/init/softswap/handed"
	"github.com/proa-os/proa/init/sys"
	"github.com/proa-os/proa/init/upgrade"
	"github.com/proa-os/proa/init/upgrade/help"
	"github.com/proa-os/proa/init/upgrade/journal"
	"github.com/proa-os/proa/init/upgrade/rehearse"
	"github.com/proa-os/proa/init/upgrade/repository"
	"github.com/proa-os/proa/init/upgrade/transport"
	"github.com/proa-os/proa/init/upgrade/trust"
	"github.com/proa-os/proa/init/upgrade/verbs"
)

func main() {
	debug.SetMemoryLimit(upgrade.Heap)
	signal.Ignore(unix.SIGPIPE) // of a broken connection only the output is lost
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	defer stop()
	switch err := run(ctx, os.Args[1:]); {
	case errors.Is(err, rehearse.ErrSaid), errors.Is(err, verbs.ErrTold):
		os.Exit(1)
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "proa: upgrade:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 2 && args[0] == rehearse.Verb {
		return rehearse.Inside(sys.Linux{}, rehearse.MountRoot, args[1])
	}
	if len(args) == 0 {
		return errors.New("this is the engine; the command is proa upgrade")
	}
	if slices.Contains([]string{"check", "fetch", "apply", help.Service, help.Cluster}, args[0]) {
		if err := background.Enter(""); err != nil {
			fmt.Fprintln(os.Stderr, "proa: upgrade: the work of the node does not go first:", err)
		}
	}
	e := verbs.Env{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Config: config.Default(), RestartRuntime: restartRuntime, Find: find, Restart: restart, Swap: swap}
	held, err := inforce.Load("")
	if err == nil {
		e.Config = held.Config
		e.Stage = rehearse.Of(e.Config)
	}
	e.Give, e.Repository = give(sys.Linux{}, e.Config), repositories(e.Config)
	switch {
	case args[0] != help.Service && args[0] != help.Cluster:
		return e.Main(ctx, args[0], args[1:])
	case err != nil:
		return err
	case args[0] == help.Cluster:
		return e.Cluster(ctx)
	}
	return e.Service(ctx)
}

// repositories returns what opens the releases of a source for this machine.
func repositories(c *config.Config) func(context.Context, transport.Source) (upgrade.Origin, error) {
	return func(_ context.Context, s transport.Source) (upgrade.Origin, error) { return repositoryOf(c, s) }
}

func repositoryOf(c *config.Config, s transport.Source) (upgrade.Origin, error) {
	m, running, err := running()
	if err != nil {
		return nil, err
	}
	root, err := os.ReadFile(releasemeta.RootPath)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("TUF's root of this image: %w", err)
	}
	now := clock.ReadState()
	return repository.Open(s, repository.Options{Dir: trustDir, Root: root, Machine: m, Running: running, Mark: upgrade.Marks(journal.Dir), Site: siteOf(c, m.ID, s),
		Clock: trust.Clock{Now: time.Now(), Known: now.Since != nil, Built: releasefile.Built("/")}}), nil
}

// trustDir is where the metadata is kept that this machine has accepted.
const trustDir = journal.Dir + "/trust"

// running returns this machine, and the slot that runs.
func running() (upgrade.Machine, *repository.Running, error) {
	t, m, err := otherslot.Find(sys.Linux{})
	if err != nil {
		return upgrade.Machine{}, nil, err
	}
	return machine(m), &repository.Running{Slot: m.Line.Slot, Root: m.Found.Root, Files: t.Slots.Files}, nil
}

func find() (upgrade.Machine, slotwrite.Target, error) {
	t, m, err := otherslot.Find(sys.Linux{})
	if err != nil {
		return upgrade.Machine{}, t, err
	}
	return machine(m), t, nil
}

func machine(m *boot.Machine) upgrade.Machine {
	id, _ := os.ReadFile("/etc/machine-id") // identity has reported why it is not there
	is := releasefile.Read(releasefile.Path, "unknown")
	return upgrade.Machine{Board: m.Line.Board, Arch: runtime.GOARCH, Layout: layout.Version, Version: is.Version, Sequence: is.Sequence,
		Root: m.Line.Root.Hash, ID: strings.TrimSpace(string(id)), Slot: m.Line.Slot}
}

// swap asks PID 1, which ends this program on the way.
func swap(say func(string)) error {
	return control.Ask(control.Socket, control.Request{Verb: handed.Request}, say)
}

// restartRuntime restarts k3s; pods keep running.
func restartRuntime() error {
	out, err := exec.Command("/usr/bin/proa", "restart", "k3s").CombinedOutput()
	if err != nil {
		return fmt.Errorf("restart k3s: %w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}

// restart restarts the machine as the command does.
func restart() error {
	out, err := exec.Command("/usr/bin/proa", "reboot").CombinedOutput()
	if err != nil {
		return fmt.Errorf("restart: %w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}
