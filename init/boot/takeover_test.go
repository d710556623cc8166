package boot

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/proa-os/proa/images/bootstate"
	"github.com/proa-os/proa/images/grubenv"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/images/slotsig"
	"github.com/proa-os/proa/images/slotsig/testkey"
	"github.com/proa-os/proa/images/tree"
	"github.com/proa-os/proa/images/verity"
	"github.com/proa-os/proa/init/slot"
	"github.com/proa-os/proa/init/slottrust"
	"github.com/proa-os/proa/init/slotwrite"
	"golang.org/x/sys/unix"
)

// pcWithTwo is a PC that boots with GRUB, whose slot a runs and is good, and whose slot b was good before. Its boot
// partition is a tmpfs in the mount namespace of the test process.
func pcWithTwo(t *testing.T) *Machine {
	t.Helper()
	if slot.EFI() {
		t.Skip("UEFI started this machine")
	}
	if os.Getenv(ownMounts) == "" {
		t.Skip("not permitted to make a mount namespace")
	}
	ok(t, unix.Mount("boot", BootDir, "tmpfs", 0, "size=16m"))
	t.Cleanup(func() {
		for unix.Unmount(BootDir, unix.MNT_DETACH) == nil { // until nothing is mounted there
		}
	})
	m := disks(t, map[string]string{"ata/sda/sda2": "boot", "ata/sda/sda3": "root-a", "ata/sda/sda4": "root-b"})
	m.Line.Mode, m.Line.Slot, m.Line.Board, m.Found.Disk = "disk", "a", "pc", "sda"
	m.Trust = slottrust.Of(testkey.Keys())
	for i := range 2 {
		save(t, BootDir+"/grub/"+grubenv.File(i), grubenv.Encode(bootstate.State{Good: layout.A}))
	}
	save(t, m.Path("/dev/sda4"), make([]byte, 1<<20))
	s, err := m.Slots()
	ok(t, err)
	_, err = slotwrite.Write(t.Context(), slotwrite.Target{Slots: s, Device: m.Path("/dev/sda4"), Board: "pc", Trust: m.Trust}, slotFile(t))
	ok(t, err)
	ok(t, unix.Mount("", BootDir, "", unix.MS_REMOUNT, "")) // like Remount on a machine
	save(t, BootDir+"/slots/b/"+slotfile.ProvedName, nil)
	return m
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func save(t *testing.T, path string, b []byte) {
	t.Helper()
	ok(t, errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, b, 0o600)))
}

func slotFile(t *testing.T) *bytes.Buffer {
	t.Helper()
	image := make([]byte, 40*verity.BlockSize)
	root := bytes.NewBuffer(bytes.Clone(image))
	hash, err := verity.Write(root, bytes.NewReader(image), int64(len(image)), nil, [16]byte{})
	ok(t, err)
	text := func(name string) tree.Entry { return tree.File(name, 0o600, tree.Bytes([]byte(name))) }
	var b bytes.Buffer
	ok(t, slotfile.Write(&b, slotfile.Contents{Board: "pc", Version: "v1", Cmdline: "quiet", Image: int64(len(image)), Hash: hex.EncodeToString(hash),
		Sign: testkey.Sign, Root: tree.Bytes(root.Bytes()), Files: []tree.Entry{text("boot/vmlinuz"), text("boot/initrd"), text("boot-a/grub.cfg"), text("boot-b/grub.cfg")}}, nil))
	return &b
}

func grubState(t *testing.T) bootstate.State {
	t.Helper()
	var copies [2][]byte
	for i := range copies {
		copies[i], _ = os.ReadFile(BootDir + "/grub/" + grubenv.File(i))
	}
	s, _, err := grubenv.Encoding().Choose(copies[0], copies[1])
	ok(t, err)
	return s
}

// TestTakeOver: if a good slot is broken the other one is booted, provided it is complete; GRUB then passes the reason
// on the command line.
func TestTakeOver(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(t *testing.T, m *Machine)
		no    string
	}{
		"whole":          {func(*testing.T, *Machine) {}, ""},
		"no manifest":    {func(t *testing.T, _ *Machine) { ok(t, os.Remove(BootDir+"/slots/b/manifest.json")) }, "was never written completely"},
		"kernel":         {func(t *testing.T, _ *Machine) { save(t, BootDir+"/slots/b/vmlinuz", []byte("boot/vmlinux")) }, "vmlinuz"},
		"root":           {func(t *testing.T, m *Machine) { save(t, m.Path("/dev/sda4"), make([]byte, 1<<20)) }, "verity"},
		"not signed":     {func(t *testing.T, _ *Machine) { save(t, BootDir+"/slots/b/manifest.sig", slotsig.Unsigned()) }, "signature: the slot is not signed"},
		"signature gone": {func(t *testing.T, _ *Machine) { ok(t, os.Remove(BootDir+"/slots/b/manifest.sig")) }, "manifest.sig is missing"},
		"no keys loaded": {func(_ *testing.T, m *Machine) { m.Trust = slottrust.Trust{} }, "no keys of slots were loaded"},
		"never good":     {func(t *testing.T, _ *Machine) { ok(t, os.Remove(BootDir+"/slots/b/proved")) }, "never good"},
		"another board":  {func(_ *testing.T, m *Machine) { m.Line.Board = "rpi5" }, "rpi5"},
		"live":           {func(_ *testing.T, m *Machine) { m.Line.Mode = "live" }, "mode live"},
	} {
		t.Run(name, func(t *testing.T) {
			m := pcWithTwo(t)
			c.spoil(t, m)
			before := grubState(t)
			err := TakeOver(m, "stage1 map-verity", "input/output error")
			now := grubState(t)
			if c.no == "" {
				if err != nil || now.Good != layout.B || now.Try != layout.A || !now.Failed() {
					t.Errorf("%v, %+v", err, now)
				}
				return
			}
			if !errors.Is(err, slot.ErrNoOther) || !strings.Contains(err.Error(), c.no) || now != before {
				t.Errorf("%v, %+v", err, now)
			}
		})
	}
}

// TestOfSlot: only errors within the slot cause a failover. A data partition that cannot be mounted would be the same
// in the other slot.
func TestOfSlot(t *testing.T) {
	for name, want := range map[string]bool{"find-slot": true, "signature": true, "map-verity": true, "mount-root": true, "read-init": true, "switch-root": true, "early-mounts": false} {
		m, f := machine(t, nil)
		f.Fail = map[string]error{"": errors.New("input/output error")}
		var list []Step
		for _, s := range Stage1Disk() {
			if s.Name == name {
				s.Func = func(context.Context, *Machine) error { return errors.New("broken") }
				list = append(list, s)
			}
		}
		if _, err := Run(t.Context(), "stage1", list, m); OfSlot(err) != want || len(list) != 1 {
			t.Errorf("%s: %t", name, !want)
		}
	}
	if OfSlot(errors.New("x")) {
		t.Error("an error that names no step")
	}
}

// TestReadInit: the program is read completely; symbolic links are resolved within the root.
func TestReadInit(t *testing.T) {
	m, _ := machine(t, map[string]string{"mnt/root/usr/bin/proa": "program"})
	if err := checkInit(t.Context(), m); err == nil {
		t.Error("a root without init")
	}
	ok(t, os.MkdirAll(m.Path(newRoot+"/usr/sbin"), 0o755))
	ok(t, os.Symlink("/usr/bin/proa", m.Path(newRoot+initPath)))
	if err := checkInit(t.Context(), m); err != nil {
		t.Error(err)
	}
}
