package e2e

import (
	"bytes"
	"context"
	"encoding/hex"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/build/keys"
	"github.com/proa-os/proa/build/qemu"
	"github.com/proa-os/proa/images/cmdline"
	"github.com/proa-os/proa/images/erofs"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/images/slotimage"
	"github.com/proa-os/proa/images/tree"
	"github.com/proa-os/proa/images/verity"
)

// broken is a slot that can be written and tried, but never becomes good.
type broken struct {
	name   string
	change func(t *testing.T, s *slotimage.Slot)
	damage bool   // damage the hash tree after `proa slot try` has verified it
	step   string // step, or reason, that `proa status` names afterwards
	up     bool   // it comes up, and is not good
}

// noAuthority leaves a datastore without the authority that belongs to it, as a disk that lost files does: k3s, which the
// slot before does not run, refuses to start with it, again and again.
const noAuthority = "mkdir -p /var/lib/rancher/k3s/server/db && head -c 4096 /dev/urandom > /var/lib/rancher/k3s/server/db/state.db && sync"

// brokenSlots are the cases for a machine with one network adapter. A machine without network has no DHCP on it, so
// another name would make a boot step fail instead.
func brokenSlots(adapter string) []broken {
	return []broken{
		{"empty-root", func(t *testing.T, s *slotimage.Slot) { setRoot(t, s, mountPoints()) }, false, "read-init", false},
		{"damaged-root", func(t *testing.T, s *slotimage.Slot) { setRoot(t, s, mountPoints()) }, true, "find-slot", false},
		{"kernel-panics", func(t *testing.T, s *slotimage.Slot) {
			setRoot(t, s, mountPoints())
			s.Initrd = tree.Bytes(make([]byte, 4096)) // without init
		}, false, "never reached PID 1", false},
		{"init-hangs", func(t *testing.T, s *slotimage.Slot) {
			setRoot(t, s, append(mountPoints(), tree.File("usr/sbin/init", 0o755, hangs(t, s.Board))))
		}, false, "switch-root", false},
		{"no-network", addWords("network.interfaces[" + adapter + "].dhcp=false health.deadline=1m"), false, "default route", true},
		{"never-ready", addWords(neverReady + " health.deadline=1m"), false, "node Ready", true},
		{"check-fails", addWords("health.checks[0].name=shop health.checks[0].command=false health.deadline=1m"), false, "user checks", true},
		{"k3s-crashes", addWords("k3s.enabled=true health.deadline=2m"), false, "k3s was restarted", true},
	}
}

// TestFallback: with every kind of broken slot, the old slot runs again after three tries, and reports which slot
// failed, how often, and at which step. PROA_FALLBACK selects cases; all by default.
func TestFallback(t *testing.T) {
	needs(t, "fallback")
	allFallBack(t, []fallbackChain{
		{"pc-systemd-boot", options{kind: "img", firmware: qemu.UEFI}, "proa-b+0-3.conf"},
		{"pc-grub", options{kind: "img", firmware: qemu.BIOS}, "proa.fallback=b:3"},
	})
}

// TestBoardsFallBack does the same with the boot chains of the other boards.
func TestBoardsFallBack(t *testing.T) {
	needs(t, "fallback-boards")
	allFallBack(t, []fallbackChain{
		{"arm64-uefi", options{board: "arm64-uefi", kind: "img", firmware: qemu.UEFI}, "proa-b+0-3.conf"},
		{"arm64-virt", options{board: "arm64-virt", kind: "img"}, "proa.fallback=b:3"},
		{"armv7-virt", options{board: "armv7-virt", kind: "img"}, "proa.fallback=b:3"},
		{"rpi3", options{board: "rpi3", kind: "img.zst"}, "proa.fallback=b:3"},
	})
}

type fallbackChain struct {
	name string
	options
	told string // what the boot loader reports of a trial that used up its tries
}

func allFallBack(t *testing.T, chains []fallbackChain) {
	for _, chain := range chains {
		t.Run(chain.name, func(t *testing.T) {
			chain.cpus = 1           // two chains in parallel; and with one CPU the emulator cannot stall another one, as it does once in thirty boots
			chain.medium = qemu.Disk // with a default route: the health check requires one if the slot before had one
			chain.config = gateConfig
			m := start(t, chain.options)
			for _, b := range brokenSlots(m.spec.Tools.NIC.Interface) {
				if only := os.Getenv("PROA_FALLBACK"); only != "" && !strings.Contains(only, b.name) {
					continue
				}
				if !t.Run(b.name, func(t *testing.T) { fallsBack(t, m, chain.options, b, chain.told) }) {
					t.FailNow() // the next case depends on the state of the machine
				}
			}
			m.t = t
			m.off()
		})
	}
}

// fallsBack writes the broken slot, tries it, and waits until slot a runs again.
func fallsBack(t *testing.T, m *machine, o options, b broken, told string) {
	m.t = t
	m.untilGood(m.bootBudget())
	s := realSlot(t, o)
	s.Words = append(s.Words, strings.Fields(m.spec.Tools.Words)...)
	b.change(t, &s)
	name, content := m.give(s)
	if out := m.run("proa slot write b "+name, content); !strings.Contains(out, "slot b holds proa "+s.Version) {
		t.Fatalf("proa slot write: %s", out)
	}
	if out := m.run("proa slot", nil); !strings.Contains(out, "slot a\ntrial false") || !strings.Contains(out, "other b written "+s.Version) {
		t.Errorf("before the trial: %s", out)
	}
	m.run("proa slot try b", nil)
	if b.name == "k3s-crashes" {
		m.run(noAuthority, nil)
	}
	if b.damage {
		m.run(damageTree(s), nil)
	}
	mark := m.Mark()
	m.node.Run(t.Context(), "proa reboot", nil) // the connection may end first
	m.expectAfter(mark, "reboot: Restarting system", m.bootBudget())
	switch tools := m.spec.Tools; {
	case b.name == "init-hangs" && tools.NoWatchdog:
		m.pullPlug(mark, "proa: switching to the root")
	case b.name == "kernel-panics" && tools.NoRestart:
		m.pullPlug(mark, "Kernel panic")
	}
	m.expectAfter(mark, "proa: up slot=a ", 5*m.bootBudget()) // three failing boots, and one of the slot that worked before
	m.untilGood(m.bootBudget())
	if out := m.run("cat /proc/cmdline; ls /boot/loader/entries 2>&1; true", nil); !strings.Contains(out, told) {
		t.Errorf("the boot loader has not noted three tries of slot b: no %q in\n%s", told, out)
	}
	status, console := unfolded(m.run("proa status", nil)), strings.Join(strings.Split(m.Console(), "\n")[mark:], "\n")
	for _, want := range []string{"FALLBACK", "slot b was given up after 3 tries", b.step} {
		if !strings.Contains(status, want) {
			t.Errorf("proa status does not say %q:\n%s", want, status)
		}
		if !strings.Contains(console, want) {
			t.Errorf("the console does not say %q", want)
		}
	}
	if strings.Contains(console, "proa: up slot=b ") != b.up {
		t.Errorf("the broken slot came up: %t", !b.up)
	}
}

// pullPlug cuts the power of a machine that hangs and has no watchdog, as a user would in the end: three times, some
// time after its last output.
func (m *machine) pullPlug(mark int, last string) {
	m.t.Helper()
	for range 3 {
		m.expectAfter(mark, last, m.bootBudget())
		time.Sleep(5 * time.Second)
		mark = m.Mark()
		if err := m.Reset(m.t.Context()); err != nil {
			m.t.Fatal(err)
		}
	}
}

// expectAfter waits for a console line after mark.
func (m *machine) expectAfter(mark int, text string, budget time.Duration) {
	m.t.Helper()
	ctx, cancel := m.Budget(context.Background(), budget)
	defer cancel()
	began := time.Now()
	line, err := m.WaitLineAfter(ctx, mark, text)
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Logf("%q after %.1f s", line, time.Since(began).Seconds())
}

// realSlot unpacks the board's slot file.
func realSlot(t *testing.T, o options) slotimage.Slot {
	t.Helper()
	o.kind = "slot"
	f, err := os.Open(o.image(t))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := slotfile.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := boards.Get(r.Manifest.Board)
	if err != nil {
		t.Fatal(err)
	}
	root := verity.Root{Hash: r.Manifest.Root.Hash, Size: r.Manifest.Root.Image}
	s := slotimage.Slot{Board: b.Name, Version: r.Manifest.Version, Words: cmdline.Others(r.Manifest.Cmdline), Root: root,
		Chains: b.SlotChains(), UBoot: b.Scripts(), When: time.Unix(0, 0), DTB: map[string]tree.Content{}, Sign: signer(t)}
	for {
		e, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if e == nil {
			return s
		}
		text, err := io.ReadAll(e)
		if err != nil {
			t.Fatal(err)
		}
		place(&s, e.Name, tree.Bytes(text))
	}
}

// signer signs slots with the keys that the images know.
func signer(t *testing.T) slotfile.Sign { return ring(t).SignSlot }

// ring has the keys that the images know: those that `proa tool` names.
func ring(t *testing.T) *keys.Ring {
	t.Helper()
	dir, err := os.Getenv("PROA_KEYS"), error(nil)
	if dir == "" {
		dir, err = keys.DevelopmentDir()
	}
	if err != nil {
		t.Fatal(err)
	}
	ring, err := keys.Load(dir, keys.Access{Agent: os.Getenv("SSH_AUTH_SOCK")})
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// place stores one file of a slot where slotimage reads it. Scripts are generated again.
func place(s *slotimage.Slot, name string, c tree.Content) {
	switch dtb, isDTB := strings.CutPrefix(name, slotfile.Common+layout.DTBDir+"/"); {
	case isDTB:
		s.DTB[dtb] = c
	case name == slotfile.Common+layout.KernelFile:
		s.Kernel = c
	case name == slotfile.Common+layout.InitrdFile:
		s.Initrd = c
	case name == slotfile.RootName:
		s.Image = c
	}
}

// mountPoints are the directories that stage 1 needs in a root.
func mountPoints() (list []tree.Entry) {
	for _, dir := range []string{"dev", "proc", "sys", "run"} {
		list = append(list, tree.Dir(dir, 0o755))
	}
	return list
}

// setRoot gives a slot another root with a valid hash tree.
func setRoot(t *testing.T, s *slotimage.Slot, entries []tree.Entry) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "root.img")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := erofs.Write(f, entries, erofs.Options{Codec: erofs.None, When: time.Unix(0, 0)}); err != nil {
		t.Fatal(err)
	}
	image, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var hashes bytes.Buffer
	hash, err := verity.Write(&hashes, bytes.NewReader(image), int64(len(image)), nil, [16]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	s.Image = tree.Bytes(append(image, hashes.Bytes()...))
	s.Root = verity.Root{Hash: hex.EncodeToString(hash), Size: int64(len(image))}
}

func addWords(words string) func(*testing.T, *slotimage.Slot) {
	return func(_ *testing.T, s *slotimage.Slot) { s.Words = append(s.Words, strings.Fields(words)...) }
}

// damageTree returns a command that overwrites the hash tree in slot b's partition, like a failing medium.
func damageTree(s slotimage.Slot) string { return zero("b", s.Root.Size, 1) }

// hangs compiles hang for the board.
func hangs(t *testing.T, board string) tree.Content {
	t.Helper()
	b, err := boards.Get(board)
	if err != nil {
		t.Fatal(err)
	}
	c, err := tree.HostFile(compile(t, b.Arch, "hang"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// compile compiles a program in a folder beside the tests for a machine's architecture.
func compile(t *testing.T, arch, folder string) (binary string) {
	t.Helper()
	binary = filepath.Join(t.TempDir(), folder)
	build := exec.Command("go", "build", "-ldflags=-s -w", "-o", binary, "./"+folder)
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH="+arch, "GOARM=7") // static: the initramfs has no libraries
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return binary
}
