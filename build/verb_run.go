package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

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
	f.StringVar(&o.config, "config", "", "config.yaml `FILE` for the boot partition")
	f.StringVar(&o.sshKey, "ssh-key", "", "public key `FILE` that may log in, beside the generated one")
}

const (
	sshPort = 22
	apiPort = 6443
	runDisk = 8 << 30 // room for the data partition; holes cost nothing
)

var firmwares = map[string]qemu.Firmware{"uefi": qemu.OVMF, "bios": qemu.SeaBIOS}

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
	return m.run(ctx, c)
}

// guest is a machine about to run.
type guest struct {
	spec  qemu.Spec
	key   remote.Key
	dir   string
	shown string // dir as a person types it
}

// prepare builds the image, copies it, and writes the configuration into the copy.
func (s *session) prepare(ctx context.Context, c *call, b boards.Board) (*guest, error) {
	name, medium := "disk", qemu.Disk
	if c.opts.iso {
		name, medium = "iso", qemu.CD
	}
	k, err := kind(b, name)
	if err != nil {
		return nil, err
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
	tools := qemu.ToolsIn(root.Dir)
	m := &guest{dir: dir, shown: short(s.kit.Repo, dir), spec: qemu.Spec{Tools: tools, Medium: medium, Image: file, Dir: dir, Forward: []int{sshPort, apiPort}}}
	m.spec.Accel = s.accel(ctx, tools, b)
	if c.opts.iso {
		return m, nil
	}
	return m, m.disk(file, b, c.opts)
}

// accel is kvm where a kernel really boots under it.
func (s *session) accel(ctx context.Context, t qemu.Tools, b boards.Board) string {
	p, err := s.plan(b, mustKind("disk"))
	if err != nil {
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
	if err := qemu.Copy(m.spec.Image, file, runDisk); err != nil {
		return err
	}
	return injectConfig(m.spec.Image, b, config)
}

// run starts the machine, waits for the node and stays until Ctrl-C.
func (m *guest) run(ctx context.Context, c *call) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	vm, err := qemu.Start(context.WithoutCancel(ctx), m.spec)
	if err != nil {
		return err
	}
	defer vm.Kill()
	if c.opts.iso {
		fmt.Fprintln(c.out, "proa: live image: no configuration, so no SSH; Ctrl-C presses the power button")
	} else if err := m.ready(ctx, c, vm); err != nil && ctx.Err() == nil {
		return err
	}
	gone := make(chan error, 1)
	go func() { gone <- vm.Wait(context.Background()) }()
	select {
	case err := <-gone:
		return err
	case <-ctx.Done():
		return m.powerOff(c, vm, gone)
	}
}

// ready waits for the node over SSH; a machine that ends while we wait ends the wait.
func (m *guest) ready(ctx context.Context, c *call, vm *qemu.VM) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		err := vm.Wait(ctx)
		cancel(errors.Join(errors.New("the machine ended before its node was ready"), err))
	}()
	node := remote.Node{Addr: vm.Addr(sshPort), Signer: m.key.Signer}
	began := time.Now()
	if _, err := node.Wait(ctx, "k3s kubectl get nodes --no-headers | grep -qw Ready", 5*time.Second); err != nil {
		return fmt.Errorf("wait for the node: %w", err)
	}
	kubeconfig, err := m.kubeconfig(ctx, node, vm)
	if err != nil {
		return err
	}
	r := node.Run(ctx, "k3s kubectl get nodes -o wide", nil)
	_, port, _ := net.SplitHostPort(vm.Addr(sshPort))
	fmt.Fprintf(c.out, "\n%s\nready after %s\n\n  kubectl --kubeconfig %s get nodes\n  ssh -i %s -p %s -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null root@127.0.0.1\n\nCtrl-C presses the power button.\n",
		r.Stdout, time.Since(began).Round(time.Second), kubeconfig, filepath.Join(m.shown, "ssh-key"), port)
	return r.Err
}

// kubeconfig fetches the administrator's and points it at the forwarded port.
func (m *guest) kubeconfig(ctx context.Context, node remote.Node, vm *qemu.VM) (string, error) {
	r := node.Run(ctx, "cat /etc/rancher/k3s/k3s.yaml", nil)
	if r.Err != nil {
		return "", r.Err
	}
	var lines []string
	for line := range strings.Lines(r.Stdout) {
		if at := strings.Index(line, "server: https://"); at >= 0 {
			line = line[:at] + "server: https://" + vm.Addr(apiPort) + "\n"
		}
		lines = append(lines, line)
	}
	file := filepath.Join(m.dir, "kubeconfig")
	return filepath.Join(m.shown, "kubeconfig"), os.WriteFile(file, []byte(strings.Join(lines, "")), 0o600)
}

// powerOff asks nicely; by now a second Ctrl-C kills this process, and the machine with it.
func (m *guest) powerOff(c *call, vm *qemu.VM, gone <-chan error) error {
	fmt.Fprintln(c.out, "\nproa: power button pressed; Ctrl-C again cuts the power")
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	if err := vm.PowerButton(ctx); err != nil {
		return err
	}
	select {
	case err := <-gone:
		return err
	case <-ctx.Done():
		return errors.New("the machine did not go down by itself within 3 minutes; its power is cut")
	}
}
