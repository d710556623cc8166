package repository_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/proa-os/proa/images/bootstate"
	"github.com/proa-os/proa/images/chain"
	"github.com/proa-os/proa/images/grubenv"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/images/slotsig"
	"github.com/proa-os/proa/init/fetch/stream"
	deviceslot "github.com/proa-os/proa/init/slot"
	"github.com/proa-os/proa/init/slottrust"
	"github.com/proa-os/proa/init/slotwrite"
	"github.com/proa-os/proa/init/upgrade"
	"github.com/proa-os/proa/init/upgrade/origin"
	"github.com/proa-os/proa/init/upgrade/repository"
	"github.com/proa-os/proa/init/upgrade/transport"
	"github.com/proa-os/proa/init/upgrade/trust"
)

// program compiles proa-fetch, where the user that it runs as can read it.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("/tmp", "repository")
	file := filepath.Join(dir, "proa-fetch")
	if err == nil {
		err = errors.Join(os.Chmod(dir, 0o755), exec.Command("go", "build", "-o", file, "github.com/proa-os/proa/init/fetch/proa-fetch").Run())
	}
	return file, err
})

func TestMain(m *testing.M) {
	if place := os.Getenv(placeVariable); place != "" {
		os.Exit(engine(place))
	}
	code := m.Run()
	if file, _ := program(); file != "" {
		os.RemoveAll(filepath.Dir(file))
	}
	os.Exit(code)
}

// device is a machine as files: it boots with GRUB, slot a runs and is good, slot b is empty.
type device struct {
	t       *testing.T
	dir     string
	target  slotwrite.Target
	machine upgrade.Machine
	root    []byte // TUF's root of its image
	clock   trust.Clock
	trust   slottrust.Trust
	keys    string // of slots, as keys.json has them
}

// flash returns a device that runs a slot of a host.
func (h *host) flash(s slot) *device {
	t := h.t
	t.Helper()
	d := &device{t: t, dir: t.TempDir(), root: h.root, clock: trust.Clock{Now: h.now, Known: true}}
	boot := filepath.Join(d.dir, "boot")
	must(t, os.MkdirAll(filepath.Join(boot, "grub"), 0o755))
	for i := range 2 {
		must(t, os.WriteFile(filepath.Join(boot, "grub", grubenv.File(i)), grubenv.Encode(bootstate.State{Good: layout.A}), 0o600))
	}
	image, _, hash := s.image(t)
	must(t, os.WriteFile(filepath.Join(d.dir, "root-a"), image, 0o600))
	must(t, errors.Join(os.WriteFile(filepath.Join(d.dir, "root-b"), nil, 0o600), os.Truncate(filepath.Join(d.dir, "root-b"), 32<<20)))
	for name, content := range s.boot(t) {
		if in, ok := (slotfile.File{Name: name}).For(layout.A); ok {
			must(t, os.MkdirAll(filepath.Join(boot, layout.A.Dir()), 0o755))
			must(t, os.WriteFile(filepath.Join(boot, layout.A.Dir(), in), content, 0o600))
		}
	}
	k, err := h.ring.SlotKeys()
	must(t, err)
	d.trust = slottrust.Of(k)
	text, err := k.Encode()
	must(t, err)
	d.keys = string(text)
	d.machine = upgrade.Machine{Board: "pc", Arch: "amd64", Layout: layout.Version, Version: s.version, Root: hash, Slot: layout.A, ID: "0123456789abcdef"}
	must(t, d.find())
	return d
}

// find finds the slots in the device's directory.
func (d *device) find() error {
	slots, err := deviceslot.Find(deviceslot.Boot{Chain: chain.Rows(chain.GRUB)[0], Dir: filepath.Join(d.dir, "boot")}, layout.A)
	d.target = slotwrite.Target{Slots: slots, Device: filepath.Join(d.dir, "root-b"), Board: "pc", Trust: d.trust}
	return err
}

// open returns a device that another program has flashed.
func open(p plain) (*device, error) {
	k, err := slotsig.ParseKeys([]byte(p.Keys))
	if err != nil {
		return nil, err
	}
	d := &device{dir: p.Dir, root: p.Root, machine: p.Machine, clock: trust.Clock{Now: time.Now(), Known: true}, trust: slottrust.Of(k)}
	return d, d.find()
}

// upgrade runs the engine with what a place has.
func (d *device) upgrade(ctx context.Context, place string, until upgrade.Until) (upgrade.Outcome, error) {
	file, err := program()
	if err != nil {
		return upgrade.Outcome{}, err
	}
	running := &repository.Running{Slot: layout.A, Root: filepath.Join(d.dir, "root-a"), Files: d.target.Slots.Files}
	open := origin.Opener{Mark: upgrade.Marks(d.dir), Web: func(urls ...string) (*transport.Web, error) {
		w, err := transport.NewWeb(stream.Client{Program: file}, urls...)
		if err == nil {
			w.Patience = transport.Patience{Stall: 10 * time.Second, Least: 1, Budget: 2 * time.Second, First: time.Millisecond, Last: 50 * time.Millisecond}
		}
		return w, err
	}, Repository: func(_ context.Context, s transport.Source) (upgrade.Origin, error) {
		return repository.Open(s, repository.Options{Dir: filepath.Join(d.dir, "trust"), Root: d.root, Clock: d.clock, Machine: d.machine, Running: running, Mark: upgrade.Marks(d.dir)}), nil
	}}
	from, err := open.Open(ctx, place)
	if err != nil {
		return upgrade.Outcome{}, err
	}
	defer from.Close()
	return upgrade.Engine{Origin: from, Machine: d.machine, Options: upgrade.Options{By: "command", Until: until}, Target: d.target, Dir: d.dir, Restart: func() error { return nil }}.Run(ctx)
}

func (d *device) state() bootstate.State {
	d.t.Helper()
	var copies [2][]byte
	for i := range copies {
		copies[i], _ = os.ReadFile(filepath.Join(d.dir, "boot/grub", grubenv.File(i)))
	}
	s, _, err := grubenv.Encoding().Choose(copies[0], copies[1])
	must(d.t, err)
	return s
}
