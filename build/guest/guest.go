// Package guest is the virtual machine of `proa run`: a copy of an image, or a disk of the user's own, in QEMU. It says how
// the machine is reached once its node is Ready, and presses its power button at Ctrl-C. It refuses a second machine in the
// directory of one that runs.
package guest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/build/qemu"
	"github.com/proa-os/proa/build/remote"
)

// Ports of the machine that lead in.
const (
	sshPort = 22
	apiPort = 6443
)

// diskSize is that of a copied disk in bytes: it has space for the data partition, and holes use no space.
const diskSize = 8 << 30

// Machine is one.
type Machine struct {
	Spec  qemu.Spec
	own   bool // its disk is the user's, and has only the user's keys
	key   remote.Key
	dir   string
	shown string // dir as a user would type it
	lock  *os.File
}

// New returns a machine that boots an image, or a disk of the user's own, and has its other files in a directory, which
// it occupies.
func New(dir, shown, image string, own bool, tools qemu.Tools, medium qemu.Medium) (*Machine, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	lock, err := occupy(dir)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", shown, err)
	}
	return &Machine{own: own, lock: lock, dir: dir, shown: shown,
		Spec: qemu.Spec{Tools: tools, Medium: medium, Image: image, Dir: dir, Forward: []int{sshPort, apiPort}}}, nil
}

// Copy has the machine boot a copy of its image, into which put writes a configuration that accepts a new key.
func (m *Machine) Copy(configure func(authorized string) ([]byte, error), put func(image string, config []byte) error) (err error) {
	if m.key, err = remote.NewKey("proa-run"); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(m.dir, "ssh-key"), m.key.PEM, 0o600); err != nil {
		return err
	}
	config, err := configure(m.key.Authorized)
	if err != nil {
		return err
	}
	from := m.Spec.Image
	if m.Spec.Medium == qemu.CD {
		m.Spec.Image = filepath.Join(m.dir, "live.iso")
		err = qemu.Copy(m.Spec.Image, from, 0)
	} else {
		m.Spec.Image = filepath.Join(m.dir, "disk.img")
		err = errors.Join(qemu.NewDisk(m.Spec.Image, from, m.Spec.Tools.Room(diskSize)), m.Spec.Tools.Adapt(m.Spec.Image))
	}
	if err != nil {
		return err
	}
	return put(m.Spec.Image, config)
}

// occupy locks a machine's directory until the returned file is closed, so that a second machine does not overwrite the
// disk of a running one.
func occupy(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close() // nothing was written
		return nil, errors.New("the machine of another `proa run` uses it; end that one first, with Ctrl-C")
	}
	return f, nil
}

// Run starts the machine, waits for the node and stays until Ctrl-C.
func (m *Machine) Run(ctx context.Context, out io.Writer) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	vm, err := qemu.Start(context.WithoutCancel(ctx), m.Spec)
	if err != nil {
		return err
	}
	defer vm.Kill()
	if m.own {
		m.tell(out, vm)
	} else if err := m.ready(ctx, out, vm); err != nil && ctx.Err() == nil {
		return err
	}
	gone := make(chan error, 1)
	go func() { gone <- vm.Wait(context.Background()) }()
	select {
	case err := <-gone:
		return err
	case <-ctx.Done():
		return m.powerOff(out, vm, gone)
	}
}

// tell prints how to reach a machine that has only the user's keys.
func (m *Machine) tell(out io.Writer, vm *qemu.VM) {
	_, port, _ := net.SplitHostPort(vm.Addr(sshPort))
	fmt.Fprintf(out, "proa: with a key of its configuration, once it is up:\n\n  ssh -p %s root@127.0.0.1 proa status\n\nThe API server is %s. Ctrl-C presses the power button.\n",
		port, "https://"+vm.Addr(apiPort))
}

// ready waits for the node over SSH, or until the machine ends.
func (m *Machine) ready(ctx context.Context, out io.Writer, vm *qemu.VM) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		err := vm.Wait(ctx)
		cancel(errors.Join(errors.New("the machine ended before its node was ready"), err))
	}()
	node := remote.Node{Addr: vm.Addr(sshPort), Signer: m.key.Signer}
	began := time.Now()
	if _, err := node.Wait(ctx, "k3s kubectl get nodes --no-headers | grep -qw Ready", 5*time.Second); err != nil {
		return fmt.Errorf("wait for the node: %w\nhint: the console above says how far it came, and `%s proa status` what it waits for while it runs", err, m.ssh(vm))
	}
	kubeconfig, err := m.kubeconfig(ctx, node, vm)
	if err != nil {
		return err
	}
	r := node.Run(ctx, "k3s kubectl get nodes -o wide", nil)
	fmt.Fprintf(out, "\n%s\nready after %s\n\n  kubectl --kubeconfig %s get nodes\n  %s\n\nCtrl-C presses the power button.\n",
		r.Stdout, time.Since(began).Round(time.Second), kubeconfig, m.ssh(vm))
	return r.Err
}

// ssh returns the ssh command for the machine.
func (m *Machine) ssh(vm *qemu.VM) string {
	_, port, _ := net.SplitHostPort(vm.Addr(sshPort))
	return fmt.Sprintf("ssh -i %s -p %s -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null root@127.0.0.1", filepath.Join(m.shown, "ssh-key"), port)
}

// kubeconfig fetches the administrator's kubeconfig and replaces its server with the forwarded port.
func (m *Machine) kubeconfig(ctx context.Context, node remote.Node, vm *qemu.VM) (string, error) {
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

// powerOff presses the power button; a second Ctrl-C kills this process, and the machine with it.
func (m *Machine) powerOff(out io.Writer, vm *qemu.VM, gone <-chan error) error {
	fmt.Fprintln(out, "\nproa: power button pressed; Ctrl-C again cuts the power")
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	if err := m.press(ctx, vm); err != nil {
		return err
	}
	select {
	case err := <-gone:
		return err
	case <-ctx.Done():
		return errors.New("the machine did not shut down within 3 minutes; its power is cut")
	}
}

// press presses the power button, or runs poweroff where the machine has none.
func (m *Machine) press(ctx context.Context, vm *qemu.VM) error {
	if m.Spec.Tools.NoButton {
		return remote.Node{Addr: vm.Addr(sshPort), Signer: m.key.Signer}.Run(ctx, "proa poweroff", nil).Err
	}
	return vm.PowerButton(ctx)
}
