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
	diskSize = 8 << 30 // has space for the data partition; holes use no space

	// Limits of the machines in CPU time of the emulator.
	bootBudget  = 10 * time.Minute
	readyBudget = 60 * time.Minute
	pause       = 10 * time.Second
)

// config sets the gateway, because QEMU's DHCP server names none on a restricted network, and the runtime waits some
// time for a default route.
const config = `version: 1
hostname: bench
network: {interfaces: {eth0: {dhcp: true, gateway: 10.0.2.2}}}
ssh_authorized_keys: ['%s']
k3s: %s
`

// machine is a booted copy of the disk image.
type machine struct {
	*qemu.VM
	node  remote.Node
	watch *stopwatch
}

// boot boots a fresh copy with a config; further disks are read-only.
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
	if err := b.Inject(disk, fmt.Appendf(nil, config, key.Authorized, k3s)); err != nil {
		return nil, err
	}
	spec := qemu.Spec{
		Tools: b.QEMU, Firmware: qemu.UEFI, Medium: qemu.Disk, Image: disk, Extra: extra, Memory: memory, CPUs: cpus,
		Accel: "tcg", Restrict: true, Forward: []int{sshPort}, Dir: dir, NoReboot: true,
	}
	for {
		m, err := b.start(ctx, spec, key)
		if !errors.Is(err, qemu.ErrStalled) {
			return m, err
		}
		b.Log("%s: %v", name, err)
	}
}

// start powers a machine on and waits until it is up and SSH works.
func (b *bench) start(ctx context.Context, spec qemu.Spec, key remote.Key) (*machine, error) {
	watch := &stopwatch{began: time.Now(), copy: b.Console}
	spec.Console = watch
	vm, err := qemu.Start(ctx, spec)
	if err != nil {
		return nil, err
	}
	m := &machine{vm, remote.Node{Addr: vm.Addr(sshPort), Signer: key.Signer}, watch}
	err = m.within(ctx, bootBudget, func(ctx context.Context) error {
		if _, err := m.WaitLine(ctx, "proa: up "); err != nil {
			return err
		}
		_, err := m.node.Wait(ctx, "true", time.Second) // SSH starts last
		return err
	})
	if err != nil {
		vm.Kill()
	}
	return m, err
}

// within runs f with a budget of CPU time.
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

// off presses the power button and waits for a clean shutdown; a machine that does not shut down is killed.
func (m *machine) off(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	if err := m.PowerButton(ctx); err == nil {
		_ = m.Wait(ctx) // ignore errors: the measurements are done
	}
	m.Kill()
}

// podsReady succeeds once every packaged deployment is available; both sides wait for the same.
const podsReady = "kubectl wait --for=condition=Available deployment --all --all-namespaces --timeout=60s"

// read measures the memory after the settling time, during which nothing connects to the machine.
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

// pods counts the running pods, after the measurement, because kubectl itself uses memory.
func (m *machine) pods(ctx context.Context) (int, error) {
	r := m.node.Run(ctx, "set -o pipefail; kubectl get pods --all-namespaces --field-selector=status.phase=Running --no-headers | wc -l", nil)
	if r.Err != nil {
		return 0, r.Err
	}
	return strconv.Atoi(strings.TrimSpace(r.Stdout))
}

// last shows why pods did not start.
const last = `kubectl get nodes,pods --all-namespaces --output=wide
kubectl get events --all-namespaces | tail -n 20
tail -n 40 /var/log/proa/k3s.log /var/log/proa/separate/*.log`

// measure waits for the pods and reads the memory; on failure it saves the machine's diagnostics in its folder.
func (b *bench) measure(ctx context.Context, name string, m *machine) (s Side, err error) {
	defer func() {
		if err == nil {
			return
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		r := m.node.Run(ctx, last, nil)
		file := filepath.Join(b.Dir, name, "last.txt")
		err = errors.Join(err, os.WriteFile(file, []byte(r.Stdout+r.Stderr), 0o600))
		b.Log("%s: see %s", name, file)
	}()
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
	if b.result.One, err = b.measure(ctx, "one-process", m); err != nil {
		return err
	}
	if b.result.Times, err = find(m.watch.all(), milestones()); err != nil {
		return err
	}
	r := m.node.Run(ctx, "cat /run/proa/timeline/stage1.json /run/proa/timeline/stage2.json", nil)
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
	baselineSays  = "cat /var/log/proa/separate.log"
	baselineLives = "pidof launch separate || tail -n 5 /var/log/proa/separate/*.log >&2"
)

// separate measures the same components as separate processes, with the runtime disabled.
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
	if err := m.within(ctx, readyBudget, func(ctx context.Context) error { return b.awaitBaseline(ctx, m.node) }); err != nil {
		return err
	}
	if b.result.Separate, err = b.measure(ctx, "separate", m); err != nil {
		return err
	}
	if one, two := b.result.One.Pods, b.result.Separate.Pods; one != two {
		return fmt.Errorf("%d pods in one process and %d with separate ones: not comparable", one, two)
	}
	return nil
}

// awaitBaseline prints the launcher's output until everything is ready, or until the launcher has ended.
func (b *bench) awaitBaseline(ctx context.Context, node remote.Node) error {
	for told := 0; ; {
		lives, says := node.Run(ctx, baselineLives, nil), node.Run(ctx, baselineSays, nil)
		all := strings.TrimSpace(says.Stdout)
		lines := strings.FieldsFunc(all, func(r rune) bool { return r == '\n' })
		for ; told < len(lines); told++ {
			b.Log("%s", lines[told])
		}
		if strings.HasSuffix(all, "all ready") {
			return nil
		}
		if lives.Err == nil && lives.Stdout == "" {
			return fmt.Errorf("the separate programs have ended:\n%s", lives.Stderr)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}
