package repository_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/images/slotsig"
	"github.com/proa-os/proa/init/fetch/fetchtest"
	"github.com/proa-os/proa/init/slottrust"
	"github.com/proa-os/proa/init/upgrade"
	"github.com/proa-os/proa/init/upgrade/peers"
	"github.com/proa-os/proa/init/upgrade/repository"
	"github.com/proa-os/proa/init/upgrade/transport"
	"github.com/proa-os/proa/init/upgrade/trust"
	"github.com/proa-os/proa/init/upgrade/upgradetest"
)

func TestMain(m *testing.M) {
	switch place := os.Getenv(placeVariable); {
	case place == "":
	case os.Getenv(nodeVariable) != "":
		os.Exit(node(place))
	default:
		os.Exit(engine(place))
	}
	fetchtest.Main(m)
}

// device runs a slot of a host.
type device struct {
	upgradetest.Device
	machine upgrade.Machine
	root    []byte // TUF's root of its image
	clock   trust.Clock
	keys    string // of slots, as keys.json has them
	said    []string
	auto    bool        // by schedule
	site    *peers.Site // machines nearby; nil: none are asked
}

// flash returns a device that runs a slot of a host.
func (h *host) flash(s slot) *device {
	t := h.t
	t.Helper()
	k, err := h.ring.SlotKeys()
	must(t, err)
	d := &device{Device: upgradetest.Flash(t, t.TempDir(), 32<<20, slottrust.Of(k)), root: h.root, clock: trust.Clock{Now: h.now, Known: true}}
	image, _, hash := s.image(t)
	must(t, os.WriteFile(filepath.Join(d.Dir, "root-a"), image, 0o600))
	for name, content := range s.boot(t) {
		if in, ok := (slotfile.File{Name: name}).For(layout.A); ok {
			must(t, os.MkdirAll(filepath.Join(d.Dir, "boot", layout.A.Dir()), 0o755))
			must(t, os.WriteFile(filepath.Join(d.Dir, "boot", layout.A.Dir(), in), content, 0o600))
		}
	}
	text, err := k.Encode()
	must(t, err)
	d.keys = string(text)
	d.machine = upgrade.Machine{Board: "pc", Arch: "amd64", Layout: layout.Version, Version: s.version, Root: hash, Slot: layout.A, ID: "0123456789abcdef"}
	return d
}

// open returns a device that another program has flashed.
func open(p plain) (*device, error) {
	k, err := slotsig.ParseKeys([]byte(p.Keys))
	if err != nil {
		return nil, err
	}
	found, err := upgradetest.Open(p.Dir, slottrust.Of(k))
	d := &device{Device: found, root: p.Root, machine: p.Machine, clock: trust.Clock{Now: time.Now(), Known: true}}
	if p.Near != nil {
		d.site = &peers.Site{Node: peers.NodeOf(p.Machine.ID), Note: filepath.Join(p.Dir, "note.json"), Patience: *p.Near}
	}
	return d, err
}

// upgrade runs the engine with what a place has.
func (d *device) upgrade(ctx context.Context, place string, until upgrade.Until) (upgrade.Outcome, error) {
	file, silent := os.Getenv(fetchVariable), time.Minute // several machines share this one
	if file == "" {
		var err error
		if file, err = fetchtest.Program(); err != nil {
			return upgrade.Outcome{}, err
		}
		silent = 2 * time.Second
	}
	running := &repository.Running{Slot: layout.A, Root: filepath.Join(d.Dir, "root-a"), Files: d.Target.Slots.Files}
	open := d.Opener(file, silent)
	open.Repository = func(_ context.Context, s transport.Source) (upgrade.Origin, error) {
		return repository.Open(s, repository.Options{Dir: filepath.Join(d.Dir, "trust"), Root: d.root, Clock: d.clock, Machine: d.machine, Running: running, Mark: upgrade.Marks(d.Dir), Site: d.site}), nil
	}
	from, err := open.Open(ctx, place)
	if err != nil {
		return upgrade.Outcome{}, err
	}
	defer from.Close()
	return upgrade.Engine{Origin: from, Machine: d.machine, Options: upgrade.Options{By: "command", Until: until, Auto: d.auto}, Target: d.Target, Dir: d.Dir, Restart: func() error { return nil },
		Say: func(line string) {
			if d.said = append(d.said, line); d.site != nil {
				fmt.Fprintln(os.Stderr, d.machine.ID+": "+line)
			}
		}}.Run(ctx)
}
