package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/build/flash/bootconfig"
	"github.com/proa-os/proa/build/guest"
	"github.com/proa-os/proa/build/pin/debian"
	"github.com/proa-os/proa/build/qemu"
)

const runHelp = `
It builds the image if need be, boots a copy of it in QEMU, shows the console, waits until the node is
Ready, and says how to reach it. The machine runs until Ctrl-C, which presses its power button; a second
Ctrl-C cuts the power. Files of the machine lie in out/BOARD/run.

  proa run pc
  proa run pc --firmware bios --memory 4096
  proa run pc --config my.yaml --ssh-key ~/.ssh/id_ed25519.pub
  proa run pc --iso                  the live image; what it writes is in memory
  proa run armv7-virt                every board that QEMU has a machine for

A disk of your own, as flash writes it; it is booted as it is, and keeps what the machine writes:

  truncate -s 8G disk.img
  proa flash pc ./disk.img --config my.yaml --yes
  proa run pc --image disk.img`

func runFlags(f *flag.FlagSet, o *options) {
	f.BoolVar(&o.iso, "iso", false, "boot the ISO as a CD instead of the disk")
	f.StringVar(&o.firmware, "firmware", "", "`uefi|bios`; the board's own if left out")
	f.IntVar(&o.memory, "memory", 3072, "memory in `MiB`")
	f.IntVar(&o.cpus, "cpus", 2, "number of CPUs")
	f.BoolVar(&o.offline, "offline", false, "no network but the ports that lead in")
	f.StringVar(&o.image, "image", "", "boot the disk in `FILE`, as it is, instead of a copy of the board's image")
	f.StringVar(&o.config, "config", "", "config.yaml `FILE` for the copy")
	f.StringVar(&o.sshKey, "ssh-key", "", "public key `FILE` that may log in, beside the generated one")
	o.trust.SignFlags(f)
	lockedFlag(f, o)
}

func runVerb(ctx context.Context, c *call) error {
	b, err := c.board()
	if err != nil {
		return err
	}
	if err := runnable(b, c.opts); err != nil {
		return err
	}
	s, err := open(ctx, c.opts)
	if err != nil {
		return err
	}
	m, err := s.prepare(ctx, c, b)
	if err != nil {
		return err
	}
	m.Spec.Memory, m.Spec.CPUs, m.Spec.Console, m.Spec.Restrict = c.opts.memory, c.opts.cpus, os.Stdout, c.opts.offline
	return m.Run(ctx, c.out)
}

// runnable refuses what QEMU cannot do before an image is built, and names an alternative.
func runnable(b boards.Board, o options) error {
	name := diskKind(b)
	if o.iso {
		name = "iso"
	}
	if b.QEMU == "" {
		return usage("QEMU has no machine that stands in for the board %s\nhint: write its image to a card, and boot the board from it: `proa flash %[1]s` lists the disks there are", b.Name)
	}
	if _, err := kind(b, name); err != nil {
		return err
	}
	if _, err := firmware(b, name, o.firmware); err != nil {
		return err
	}
	switch {
	case o.image == "":
	case o.config != "" || o.sshKey != "":
		return usage("--image is booted as it is\nhint: `proa config-into %s` puts in --config and --ssh-key", o.image)
	case strings.HasSuffix(o.image, ".zst"):
		return usage("%s is compressed\nhint: `proa flash %s disk.img --image %[1]s` unpacks it onto a disk, a file of 8 GiB say", o.image, b.Name)
	case qemu.ToolsIn("", b.QEMU).NoButton:
		return usage("QEMU's %s needs an image made fit for it, which --image is not; leave it out", b.QEMU)
	}
	return nil
}

// firmware returns the requested firmware, or the board's default. A board that boots by its ROM has only one.
func firmware(b boards.Board, kind, asked string) (qemu.Firmware, error) {
	has := map[string]bool{"uefi": b.Boot[kind].UEFI != "", "bios": b.Boot[kind].BIOS != ""}
	var names []string
	for _, name := range []string{"uefi", "bios"} {
		if has[name] {
			names = append(names, name)
		}
	}
	_, known := has[asked]
	switch {
	case asked == "" && len(names) == 0:
		return "", nil
	case asked == "":
		return qemu.Firmware(names[0]), nil
	case has[asked]:
		return qemu.Firmware(asked), nil
	case !known:
		return "", usage("no firmware %q%s", asked, didYouMean(asked, []string{"uefi", "bios"}))
	case len(names) > 0:
		return "", usage("board %s does not boot by %s, but by %s; leave --firmware out", b.Name, asked, strings.Join(names, " and "))
	}
	return "", usage("board %s does not boot by %s, but by %s; leave --firmware out", b.Name, asked, b.Boot[kind].ROM)
}

// prepare builds the image, copies it, and writes the configuration to the copy.
func (s *session) prepare(ctx context.Context, c *call, b boards.Board) (*guest.Machine, error) {
	name, medium := diskKind(b), qemu.Disk
	if c.opts.iso {
		name, medium = "iso", qemu.CD
	}
	file, err := filepath.Abs(c.opts.image)
	if c.opts.image == "" {
		file, err = s.image(ctx, b, mustKind(name))
	} else if err == nil {
		_, err = os.Stat(file)
	}
	if err != nil {
		return nil, err
	}
	root, err := s.toolRoot(ctx, debian.Emulator(s.kit.Host))
	if err != nil {
		return nil, err
	}
	dir, own := filepath.Join(s.kit.Repo, "out", b.Name, "run"), c.opts.image != ""
	m, err := guest.New(dir, short(s.kit.Repo, dir), file, own, qemu.ToolsIn(root.Dir, b.QEMU), medium)
	if err != nil {
		return nil, err
	}
	m.Spec.Accel = s.accel(ctx, m.Spec.Tools, b)
	if m.Spec.Firmware, err = firmware(b, name, c.opts.firmware); err != nil || own {
		return m, err
	}
	configure := func(authorized string) ([]byte, error) {
		return bootconfig.ForRun(c.opts.config, c.opts.sshKey, authorized)
	}
	return m, m.Copy(configure, func(image string, config []byte) error { return injectConfig(image, b, config) })
}

// diskKind returns the kind of the board's own medium.
func diskKind(b boards.Board) string {
	if slices.Contains(b.Images, "disk") {
		return "disk"
	}
	return "sd"
}

// accel returns kvm if a kernel really boots with it, and otherwise the machine's default.
func (s *session) accel(ctx context.Context, t qemu.Tools, b boards.Board) string {
	p, err := s.plan(b, mustKind(diskKind(b)))
	if err != nil || b.Arch != runtime.GOARCH {
		return ""
	}
	kernel := p.Graph.Find("kernel")
	if s.cache.Has(kernel) && qemu.KVM(ctx, t, filepath.Join(s.cache.Out(kernel), "vmlinuz")) {
		return "kvm"
	}
	fmt.Fprintln(os.Stderr, "no usable KVM: the machine is emulated, about 15 times slower than hardware")
	return ""
}
