package e2e

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/build/flash"
	"github.com/proa-os/proa/build/flash/bootconfig"
	"github.com/proa-os/proa/build/qemu"
	"github.com/proa-os/proa/build/remote"
)

const (
	sshPort  = 22
	apiPort  = 6443
	nodePort = 30080

	diskSize = 8 << 30 // must have space for the data partition
)

// Limits of an emulated machine in CPU time of the emulator. Measured: a boot 20-40 s, Ready 200-400 s.
const (
	bootBudget  = 4 * time.Minute
	readyBudget = 25 * time.Minute
	podBudget   = 10 * time.Minute
)

// machine is a VM with its disk and the way in.
type machine struct {
	*qemu.VM
	t   *testing.T // the running test
	own *testing.T // the test that started the machine and ends it
	options
	spec qemu.Spec
	node remote.Node
	key  remote.Key
}

// options are what the tests vary.
type options struct {
	board    string // empty: pc
	kind     string // iso or img
	firmware qemu.Firmware
	medium   qemu.Medium
	memory   int
	cpus     int // 0: PROA_CPUS, or two; one where a start cannot be repeated, because the emulator stalls another one once in thirty boots
	restrict bool
	moves    bool      // its cable can be plugged into another network
	disk     int64     // bytes; 0: diskSize
	config   string    // config.yaml; %KEY% is replaced by the test's SSH key
	clock    time.Time // initial time of the RTC; zero: the host's
	flash    bool      // write image and configuration with proa flash, as a user does
}

// start boots a new machine with a copy of the image.
func start(t *testing.T, o options) *machine {
	t.Helper()
	m := prepare(t, o)
	m.powerOn()
	return m
}

// prepare returns a machine that is still off.
func prepare(t *testing.T, o options) *machine {
	t.Helper()
	key, err := remote.NewKey("e2e")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "ssh-key"), key.PEM, 0o600); err != nil { // for debugging a stuck machine
		t.Fatal(err)
	}
	m := &machine{t: t, own: t, options: o, key: key, spec: qemu.Spec{
		Tools: tools(t, o.machine()), Firmware: o.firmware, Medium: o.medium, Image: o.image(t), Memory: o.memory, CPUs: cmp.Or(o.cpus, number(t, "PROA_CPUS", 0)),
		Restrict: o.restrict, Moves: o.moves, Clock: o.clock, Forward: []int{sshPort, apiPort, nodePort}, Dir: dir, Console: consoleLog(t),
	}}
	if o.medium == qemu.Disk {
		m.spec.Image = filepath.Join(dir, "disk.img")
		m.fill(o)
	} else if o.config != "" {
		m.spec.Image = filepath.Join(dir, "live.iso")
		if err := qemu.Copy(m.spec.Image, o.image(t), 0); err != nil {
			t.Fatal(err)
		}
		inject(t, m.spec.Image, 0, strings.ReplaceAll(o.config, "%KEY%", key.Authorized))
	}
	return m
}

// fill writes the image and the configuration to the machine's disk.
func (m *machine) fill(o options) {
	m.t.Helper()
	config := strings.ReplaceAll(o.config, "%KEY%", m.key.Authorized)
	if o.flash {
		flashed(m.t, o, m.spec.Image, o.room(m.spec.Tools), config)
	} else if err := qemu.NewDisk(m.spec.Image, o.image(m.t), o.room(m.spec.Tools)); err != nil {
		m.t.Fatal(err)
	}
	if err := m.spec.Tools.Adapt(m.spec.Image); err != nil {
		m.t.Fatal(err)
	}
	if !o.flash && o.config != "" {
		inject(m.t, m.spec.Image, imageSize(m.t, o), config)
	}
}

// flashed writes the image and the configuration to a file with proa flash.
func flashed(t *testing.T, o options, disk string, size int64, config string) {
	t.Helper()
	b, err := boards.Get(o.name())
	if err != nil {
		t.Fatal(err)
	}
	text := filepath.Join(t.TempDir(), "config.yaml")
	err = errors.Join(os.WriteFile(text, []byte(config), 0o600), os.WriteFile(disk, nil, 0o600), os.Truncate(disk, size))
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	err = flash.Run(t.Context(), flash.Options{Image: o.image(t), Config: text, Yes: true}, b, []string{disk}, &out, nil)
	if t.Logf("flash: %s", out.String()); err != nil {
		t.Fatal(err)
	}
}

// bootBudget is larger for a Raspberry Pi: its card is accessed one word at a time, by four CPUs of which three wait.
func (m *machine) bootBudget() time.Duration {
	if m.spec.Tools.Disk == nil {
		return 5 * bootBudget
	}
	return bootBudget
}

// room returns the size of the machine's disk in bytes.
func (o options) room(tools qemu.Tools) int64 {
	if o.disk != 0 {
		return tools.Room(o.disk)
	}
	return tools.Room(diskSize)
}

// powerOn boots the machine, the first time or again, and waits until it is up. It retries if the emulator failed, and
// not if proa failed.
func (m *machine) powerOn() {
	m.t.Helper()
	for attempt := 1; ; attempt++ {
		m.pressStart()
		err := m.await("proa: up ", m.bootBudget())
		if err == nil {
			return
		}
		if !errors.Is(err, qemu.ErrStalled) || attempt == 3 {
			m.t.Fatal(err)
		}
		m.t.Log(err)
		m.Kill()
	}
}

func (m *machine) pressStart() {
	m.t.Helper()
	vm, err := qemu.Start(context.Background(), m.spec)
	if err != nil {
		m.t.Fatal(err)
	}
	m.VM, m.node = vm, remote.Node{Addr: vm.Addr(sshPort), Signer: m.key.Signer}
	m.own.Cleanup(vm.Kill)
}

// expect waits for a console line within a budget of CPU time.
func (m *machine) expect(text string, budget time.Duration) {
	m.t.Helper()
	if err := m.await(text, budget); err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) await(text string, budget time.Duration) error {
	m.t.Helper()
	ctx, cancel := m.Budget(context.Background(), budget)
	defer cancel()
	began, cpu := time.Now(), m.CPUTime()
	line, err := m.WaitLine(ctx, text)
	if err != nil {
		return err
	}
	m.t.Logf("%q after %.1f s, %.1f s of CPU", line, time.Since(began).Seconds(), (m.CPUTime() - cpu).Seconds())
	return nil
}

// run runs a command on the node and fails the test if the command fails.
func (m *machine) run(command string, stdin io.Reader) string {
	m.t.Helper()
	ctx, cancel := m.Budget(context.Background(), m.bootBudget()+podBudget) // a slot is written to an emulated card at less than 1 MiB/s
	defer cancel()
	began := time.Now()
	r := m.node.Run(ctx, command, stdin)
	m.t.Logf("%s: %.1f s", command, time.Since(began).Seconds())
	if r.Err != nil {
		m.t.Fatalf("%v\n%s", r.Err, r.Stdout)
	}
	return r.Stdout
}

// until repeats a command until its output contains want.
func (m *machine) until(command, want string, budget time.Duration) string {
	m.t.Helper()
	return m.untilIs(command, fmt.Sprintf("%q", want), func(text string) error {
		if strings.Contains(text, want) || strings.Contains(unfolded(text), want) {
			return nil
		}
		return fmt.Errorf("no %q", want)
	}, budget)
}

// untilIs repeats a command until nothing is wrong with its output. what names the state that is waited for.
func (m *machine) untilIs(command, what string, wrong func(string) error, budget time.Duration) string {
	m.t.Helper()
	out, err := m.repeat(command, what, wrong, budget)
	if err != nil {
		m.t.Fatal(err)
	}
	return out
}

// repeat is untilIs for a test that goes on after a failure.
func (m *machine) repeat(command, what string, wrong func(string) error, budget time.Duration) (string, error) {
	m.t.Helper()
	ctx, cancel := m.Budget(context.Background(), budget)
	defer cancel()
	began := time.Now()
	for {
		r := m.node.Run(ctx, command, nil)
		err := r.Err
		if err == nil {
			err = wrong(r.Stdout)
		}
		if err == nil {
			m.t.Logf("%s: %s after %.1f s", command, what, time.Since(began).Seconds())
			return r.Stdout, nil
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("%s: waited for %s: %w; last: %w\n%s", command, what, context.Cause(ctx), err, r.Stdout)
		case <-time.After(2 * time.Second):
		}
	}
}

// unfolded joins lines that `proa status` has wrapped into its second column.
func unfolded(status string) string { return strings.ReplaceAll(status, "\n           ", " ") }

// untilGood waits until the running slot is good. It matches the mode too, because "good" alone also matches "not good
// yet".
func (m *machine) untilGood(budget time.Duration) {
	m.t.Helper()
	m.until("proa status", "mode disk, good", budget)
}

// off presses the power button until the machine reacts, and waits until it has shut down. A press may come too early:
// the button's driver is one of those that are loaded after the machine is up.
func (m *machine) off() {
	m.t.Helper()
	ctx, cancel := m.Budget(context.Background(), bootBudget)
	defer cancel()
	noticed := m.spec.Tools.NoButton
	if noticed {
		m.run("proa poweroff", nil)
	}
	for !noticed {
		if err := m.PowerButton(ctx); err != nil {
			m.t.Fatal(err)
		}
		soon, stop := context.WithTimeout(ctx, 5*time.Second)
		_, err := m.WaitLine(soon, "proa: going down: power button")
		stop()
		if noticed = err == nil; ctx.Err() != nil {
			m.t.Fatal(err)
		}
	}
	if err := m.Wait(ctx); err != nil {
		m.t.Fatal(err)
	}
}

// inject replaces config.yaml in the boot partition of a disk image.
func inject(t *testing.T, path string, size int64, config string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := bootconfig.Put(f, size, bootconfig.Text{Bytes: []byte(config)}, time.Unix(1<<30, 0), f.Sync); err != nil {
		t.Fatal(err)
	}
}

func (o options) name() string {
	if o.board == "" {
		return "pc"
	}
	return o.board
}

func (o options) arch() string {
	if b, err := boards.Get(o.name()); err == nil {
		return b.Arch
	}
	return ""
}

// machine returns the name of the machine in build/qemu that emulates the board.
func (o options) machine() string {
	if b, err := boards.Get(o.name()); err == nil {
		return b.QEMU
	}
	return ""
}

func (o options) image(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs(fmt.Sprintf("../../out/%s/proa-%[1]s.%s", o.name(), o.kind))
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		t.Fatalf("%v: build it by `go run ./build build %s`", err, o.name())
	}
	return path
}

func imageSize(t *testing.T, o options) int64 {
	t.Helper()
	b, err := boards.Get(o.name())
	if err != nil {
		t.Fatal(err)
	}
	return b.Layout().ImageSize()
}

// tools returns the tool root's QEMU and firmware, so that all hosts test with the same versions.
func tools(t *testing.T, machine string) qemu.Tools {
	t.Helper()
	root := os.Getenv("PROA_TOOLROOT")
	if root == "" {
		t.Fatal("PROA_TOOLROOT is not set: run by `make e2e`")
	}
	return qemu.ToolsIn(root, machine)
}

// consoleLog saves the whole console of each test below out/, because a failure prints only its end.
func consoleLog(t *testing.T) io.Writer {
	t.Helper()
	dir := "../../out/e2e"
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(dir, strings.NewReplacer("/", "-", " ", "-").Replace(t.Name())+".log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// needs skips a test unless its scope is requested.
func needs(t *testing.T, scope string) {
	t.Helper()
	switch got := os.Getenv("PROA_E2E"); {
	case got == "full", got == scope:
	default:
		t.Skipf("PROA_E2E is %q: run by `make e2e` (ci) or `make e2e-full`", got)
	}
}
