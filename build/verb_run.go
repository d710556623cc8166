package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/build/pin"
	"github.com/proa-os/proa/build/qemu"
	"github.com/proa-os/proa/build/remote"
)

const runHelp = `
It builds the image if need be, boots a copy of it in QEMU, shows the console, waits until the node is
Ready, and says how to reach it. The machine runs until Ctrl-C, which presses its power button; a second
Ctrl-C cuts the power. Files of the machine lie in out/BOARD/run.

  proa run pc
  proa run pc --firmware bios --memory 4096
  proa run pc --config my.yaml --ssh-key ~/.ssh/id_ed25519.pub
  proa run pc --iso                  the live image: no configuration, so no SSH`

func runFlags(f *flag.FlagSet, o *options) {
	f.BoolVar(&o.iso, "iso", false, "boot the ISO as a CD instead of the disk")
	f.StringVar(&o.firmware, "firmware", "uefi", "`uefi|bios`")
	f.IntVar(&o.memory, "memory", 3072, "memory in `MiB`")
	f.IntVar(&o.cpus, "cpus", 2, "number of CPUs")
	f.BoolVar(&o.offline, "offline", false, "no network but the ports that lead in")
	f.StringVar(&o.config, "config", "", "config.yaml `FILE` for the boot partition")
	f.StringVar(&o.sshKey, "ssh-key", "", "public key `FILE` that may log in, beside the generated one")
	lockedFlag(f, o)
}

const (
	sshPort = 22
	apiPort = 6443
	runDisk = 8 << 30 // room for the data partition; holes cost nothing
)

var firmwares = map[string]qemu.Firmware{"uefi": qemu.UEFI, "bios": qemu.BIOS}

func runVerb(ctx context.Context, c *call) error {
	b, err := c.board()
	if err != nil {
		return err
	}
	firmware, ok := firmwares[c.opts.firmware]
	if !ok {
		return usage("no firmware %q%s", c.opts.firmware, didYouMean(c.opts.firmware, []string{"uefi", "bios"}))
	}
	s, err := open(ctx, c.opts)
	if err != nil {
		return err
	}
	m, err := s.prepare(ctx, c, b)
	if err != nil {
		return err
	}
	m.spec.Firmware, m.spec.Memory, m.spec.CPUs, m.spec.Console = firmware, c.opts.memory, c.opts.cpus, os.Stdout
	m.spec.Restrict = c.opts.offline
	return m.run(ctx, c)
}

// prepare builds the image, copies it, and writes the configuration into the copy.
func (s *session) prepare(ctx context.Context, c *call, b boards.Board) (*guest, error) {
	name, medium := diskKind(b), qemu.Disk
	if c.opts.iso {
		name, medium = "iso", qemu.CD
	}
	if b.QEMU == "" {
		return nil, usage("QEMU has no machine that stands in for the board %s; flash it: proa flash %[1]s", b.Name)
	}
	k, err := kind(b, name)
	if err != nil {
		return nil, err
	}
	if b.Boot[name].BIOS == "" && c.opts.firmware == "bios" {
		return nil, usage("board %s does not boot by BIOS; leave --firmware out", b.Name)
	}
	file, err := s.image(ctx, b, k)
	if err != nil {
		return nil, err
	}
	root, err := s.toolRoot(ctx, pin.Emulator(s.kit.Host))
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(filepath.Dir(file), "run")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	lock, err := occupy(dir)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", short(s.kit.Repo, dir), err)
	}
	tools := qemu.ToolsIn(root.Dir, b.QEMU)
	m := &guest{lock: lock, dir: dir, shown: short(s.kit.Repo, dir), spec: qemu.Spec{Tools: tools, Medium: medium, Image: file, Dir: dir, Forward: []int{sshPort, apiPort}}}
	m.spec.Accel = s.accel(ctx, tools, b)
	if c.opts.iso {
		return m, nil
	}
	return m, m.disk(file, b, c.opts)
}

// diskKind is what the board's own medium is called.
func diskKind(b boards.Board) string {
	if slices.Contains(b.Images, "disk") {
		return "disk"
	}
	return "sd"
}

// accel is kvm where a kernel really boots under it.
func (s *session) accel(ctx context.Context, t qemu.Tools, b boards.Board) string {
	p, err := s.plan(b, mustKind(diskKind(b)))
	if err != nil || b.Arch != runtime.GOARCH {
		return "tcg"
	}
	kernel := p.Graph.Find("kernel")
	if s.cache.Has(kernel) && qemu.KVM(ctx, t, filepath.Join(s.cache.Out(kernel), "vmlinuz")) {
		return "kvm"
	}
	fmt.Fprintln(os.Stderr, "no usable KVM: the machine is emulated, about 15 times slower than hardware")
	return "tcg"
}

// disk copies the image and injects config.yaml.
func (m *guest) disk(file string, b boards.Board, o options) error {
	key, err := remote.NewKey("proa-run")
	if err != nil {
		return err
	}
	m.key = key
	if err := os.WriteFile(filepath.Join(m.dir, "ssh-key"), key.PEM, 0o600); err != nil {
		return err
	}
	config, err := runConfig(o, key.Authorized)
	if err != nil {
		return err
	}
	m.spec.Image = filepath.Join(m.dir, "disk.img")
	if err := errors.Join(qemu.NewDisk(m.spec.Image, file, runDisk), m.spec.Tools.Adapt(m.spec.Image)); err != nil {
		return err
	}
	return injectConfig(m.spec.Image, b, config)
}
