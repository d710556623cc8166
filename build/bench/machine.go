package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/proa-os/proa/build/qemu"
	"github.com/proa-os/proa/build/remote"
)

const (
	sshPort  = 22
	memory   = 3072
	cpus     = 2
	diskSize = 8 << 30 // room for the data partition; holes cost nothing

	// What a machine may spend, in CPU time of the emulator.
	bootBudget  = 10 * time.Minute
	readyBudget = 60 * time.Minute
	pause       = 10 * time.Second
)

// machine is one booted copy of the disk image.
type machine struct {
	*qemu.VM
	node  remote.Node
	watch *stopwatch
}

// boot starts a fresh copy with a config; further disks are read-only.
func (b *bench) boot(ctx context.Context, name, k3s string, extra ...string) (*machine, error) {
	key, err := remote.NewKey("proa-bench")
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(b.Dir, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	disk := filepath.Join(dir, "disk.img")
	if err := qemu.Copy(disk, b.Disk, diskSize); err != nil {
		return nil, err
	}
	config := fmt.Sprintf("version: 1\nhostname: bench\nssh_authorized_keys: ['%s']\nk3s: %s\n", key.Authorized, k3s)
	if err := b.Inject(disk, []byte(config)); err != nil {
		return nil, err
	}
	watch := &stopwatch{began: time.Now(), copy: b.Console}
	vm, err := qemu.Start(ctx, qemu.Spec{
		Tools: b.QEMU, Firmware: qemu.OVMF, Medium: qemu.Disk, Image: disk, Extra: extra, Memory: memory, CPUs: cpus,
		Accel: "tcg", Restrict: true, Forward: []int{sshPort}, Dir: dir, Console: watch, NoReboot: true,
	})
	if err != nil {
		return nil, err
	}
	m := &machine{vm, remote.Node{Addr: vm.Addr(sshPort), Signer: key.Signer}, watch}
	return m, m.within(ctx, bootBudget, func(ctx context.Context) error {
		_, err := m.WaitLine(ctx, "proa: up ")
		return err
	})
}

// within bounds f by a budget of work.
func (m *machine) within(ctx context.Context, budget time.Duration, f func(context.Context) error) error {
	ctx, cancel := m.Budget(ctx, budget)
	defer cancel()
	err := f(ctx)
	if err != nil {
		err = fmt.Errorf("%w (%w)", err, context.Cause(ctx))
	}
	return err
}

// until repeats a command on the node until it succeeds.
func (m *machine) until(ctx context.Context, command string) error {
	return m.within(ctx, readyBudget, func(ctx context.Context) error {
		_, err := m.node.Wait(ctx, command, pause)
		return err
	})
}

// off presses the power button and leaves a clean disk; a machine that does not go is switched off.
func (m *machine) off(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	if err := m.PowerButton(ctx); err == nil {
		_ = m.Wait(ctx) // its measurements are taken: how it ends changes nothing
	}
	m.Kill()
}

// podsReady succeeds once every packaged deployment has its pods; both sides wait for the same.
const podsReady = "kubectl wait --for=condition=Available deployment --all --all-namespaces --timeout=60s"

// read takes the memory after the settling time, during which nobody talks to the machine.
func (b *bench) read(ctx context.Context, m *machine) (Memory, error) {
	b.Log("pods are running; reading memory in %s", b.Settle)
	select {
	case <-ctx.Done():
		return Memory{}, ctx.Err()
	case <-time.After(b.Settle):
	}
	return m.memory(ctx)
}

func (m *machine) memory(ctx context.Context) (Memory, error) {
	r := m.node.Run(ctx, memoryScript, nil)
	if r.Err != nil {
		return Memory{}, r.Err
	}
	return parseMemory(r.Stdout)
}

// pods counts running pods, after the reading: kubectl itself takes memory.
func (m *machine) pods(ctx context.Context) (int, error) {
	r := m.node.Run(ctx, "kubectl get pods --all-namespaces --field-selector=status.phase=Running --no-headers | wc -l", nil)
	if r.Err != nil {
		return 0, r.Err
	}
	return strconv.Atoi(strings.TrimSpace(r.Stdout))
}

// measure waits for the pods and reads.
func (b *bench) measure(ctx context.Context, m *machine) (s Side, err error) {
	if err := m.until(ctx, podsReady); err != nil {
		return s, err
	}
	if s.Memory, err = b.read(ctx, m); err != nil {
		return s, err
	}
	s.Pods, err = m.pods(ctx)
	return s, err
}

// oneProcess measures proa as it is.
func (b *bench) oneProcess(ctx context.Context) error {
	m, err := b.boot(ctx, "one-process", "{}")
	if err != nil {
		return err
	}
	defer m.off(ctx)
	if b.result.One, err = b.measure(ctx, m); err != nil {
		return err
	}
	if b.result.Times, err = find(m.watch.all(), milestones()); err != nil {
		return err
	}
	r := m.node.Run(ctx, "cat /run/proa/timeline.json", nil)
	if r.Err != nil {
		return r.Err
	}
	b.result.Timeline, err = parseTimeline(r.Stdout)
	return err
}

const (
	startBaseline = `mount -t erofs -o ro /dev/vdb /mnt || exit 1
mkdir -p /var/log/proa
setsid /mnt/separate server >/var/log/proa/separate.log 2>&1 </dev/null &`
	// baselineUp fails for good, with the log, once the launcher has ended.
	baselineUp = "grep -q 'all ready' /var/log/proa/separate.log"
	baselineOn = "pidof launch separate >/dev/null || { cat /var/log/proa/separate.log; tail -n 5 /var/log/proa/separate/*.log; false; }"
)

// separate measures the same components as processes of their own, with the runtime switched off.
func (b *bench) separate(ctx context.Context) error {
	m, err := b.boot(ctx, "separate", "{enabled: false}", b.baseline)
	if err != nil {
		return err
	}
	defer m.off(ctx)
	if b.result.Idle, err = m.memory(ctx); err != nil {
		return err
	}
	if r := m.node.Run(ctx, startBaseline, nil); r.Err != nil {
		return r.Err
	}
	if err := m.within(ctx, readyBudget, func(ctx context.Context) error { return awaitBaseline(ctx, m.node) }); err != nil {
		return err
	}
	if b.result.Separate, err = b.measure(ctx, m); err != nil {
		return err
	}
	if one, two := b.result.One.Pods, b.result.Separate.Pods; one != two {
		return fmt.Errorf("%d pods in one process and %d with separate ones: not comparable", one, two)
	}
	return nil
}

func awaitBaseline(ctx context.Context, node remote.Node) error {
	for {
		if r := node.Run(ctx, baselineUp, nil); r.Err == nil {
			return nil
		}
		if r := node.Run(ctx, baselineOn, nil); r.Err != nil {
			return errors.Join(r.Err, errors.New(r.Stdout))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}
