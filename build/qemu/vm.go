package qemu

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/proa-os/proa/build/command"
)

// VM is a running machine.
type VM struct {
	spec    Spec
	cmd     *exec.Cmd
	console *console
	ports   forwards
	network atomic.Int32 // the one that the cable is plugged into
	done    chan struct{}
	err     error
	once    sync.Once
}

// Start starts the machine and returns at once. The machine ends with ctx, by Kill, or by itself.
func Start(ctx context.Context, s Spec) (*VM, error) {
	ports, err := freePorts(s.Forward)
	if err != nil {
		return nil, err
	}
	if s.Firmware == UEFI {
		if err := Copy(s.varsFile(), s.Tools.UEFIVars, 0); err != nil {
			return nil, fmt.Errorf("firmware variables: %w", err)
		}
	}
	loads, err := s.loads()
	if err != nil {
		return nil, err
	}
	vm := &VM{spec: s, ports: ports, console: newConsole(s.Console), done: make(chan struct{})}
	vm.cmd = exec.CommandContext(ctx, s.Tools.System, append(s.args(ports), loads...)...)
	vm.cmd.Env = command.Env()
	vm.cmd.Stdout, vm.cmd.Stderr = vm.console, vm.console
	if s.Typed != nil {
		vm.cmd.Stdin = s.Typed
	}
	// QEMU must not outlive a test that was killed, and Ctrl-C at the terminal is handled by us.
	vm.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := vm.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", s.Tools.System, err)
	}
	if s.Tools.HideNIC {
		go vm.hideNIC(ctx)
	}
	go func() {
		vm.err = vm.cmd.Wait()
		vm.console.close()
		close(vm.done)
	}()
	if s.Moves {
		return vm, vm.begin(ctx)
	}
	return vm, nil
}

// Addr returns the address at which the host reaches a forwarded guest port.
func (vm *VM) Addr(guest int) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(vm.ports[vm.network.Load()][guest]))
}

// WaitLine returns the first console line that contains text, printed already or not yet. The error names text and has
// the last lines.
func (vm *VM) WaitLine(ctx context.Context, text string) (string, error) {
	return vm.console.wait(ctx, text, 0)
}

// WaitLineAfter is WaitLine for the lines after mark, see Mark.
func (vm *VM) WaitLineAfter(ctx context.Context, mark int, text string) (string, error) {
	return vm.console.wait(ctx, text, mark)
}

// Mark returns the number of console lines so far.
func (vm *VM) Mark() int { return vm.console.count() }

// Console returns everything the machine has printed.
func (vm *VM) Console() string { return vm.console.text() }

// PowerButton presses the power button; the guest has to react.
func (vm *VM) PowerButton(ctx context.Context) error {
	return qmp(ctx, vm.spec.qmpSocket(), "system_powerdown")
}

// Reset presses the reset button.
func (vm *VM) Reset(ctx context.Context) error { return qmp(ctx, vm.spec.qmpSocket(), "system_reset") }

// Kill cuts the power: what the guest had not flushed to its disk is lost. It returns when the process has ended.
func (vm *VM) Kill() {
	vm.once.Do(func() { _ = vm.cmd.Process.Kill() })
	<-vm.done
}

// Wait returns when the machine has ended, with QEMU's error if it did not shut down by itself.
func (vm *VM) Wait(ctx context.Context) error {
	select {
	case <-vm.done:
		return vm.err
	case <-ctx.Done():
		return fmt.Errorf("machine still on: %w\n%s", context.Cause(ctx), vm.console.tail(20))
	}
}

// freePorts asks the kernel for unused ports. If another process takes one before QEMU does, QEMU fails with an error.
func freePorts(guests []int) (ports forwards, err error) {
	for network := range ports {
		ports[network] = map[int]int{}
		for _, guest := range guests {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return ports, err
			}
			defer l.Close()
			ports[network][guest] = l.Addr().(*net.TCPAddr).Port
		}
	}
	return ports, nil
}

const qmpTimeout = 10 * time.Second
