package boot

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/images/bootstate"
	"github.com/proa-os/proa/images/grubenv"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/init/slot"
	"github.com/proa-os/proa/init/sys"
)

// TestTrialIsFound: stage 1 reads the boot state as soon as it knows its disk, and unmounts the partition again. The
// boot state decides whether a failed boot is restarted.
func TestTrialIsFound(t *testing.T) {
	trial := bootstate.State{Good: layout.A, Try: layout.B, Left: 2}
	for name, c := range map[string]struct {
		runs     layout.Slot
		state    bootstate.State
		want     Trial
		restarts bool
	}{
		"on trial":         {"b", trial, Trial{Known: true, On: true, Left: 2, Other: slot.Standing{Good: true}}, true},
		"last try":         {"b", bootstate.State{Good: layout.A, Try: layout.B}, Trial{Known: true, On: true, Other: slot.Standing{Good: true}}, true},
		"the good slot":    {"a", bootstate.State{Good: layout.A}, Trial{Known: true}, false},
		"no slot is named": {"", trial, Trial{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			m := pcWithTwo(t)
			f := m.Sys.(*sys.Fake)
			for i := range 2 {
				save(t, BootDir+"/grub/"+grubenv.File(i), grubenv.Encode(c.state))
			}
			f.Calls, m.Line.Slot = nil, c.runs
			ok(t, openBox(t.Context(), m))
			if got := m.Found.Trial; got.Known != c.want.Known || got.On != c.want.On || got.Left != c.want.Left || c.want.On && got.Other.Good != c.want.Other.Good {
				t.Errorf("found %+v, want %+v", got, c.want)
			}
			if f.String() != "mkdir /boot 0755\nmount /dev/sda2 /boot vfat 0xf\nunmount /boot 0x0\n" {
				t.Errorf("calls:\n%s", f)
			}
			m.Found = Found{} // its disk was not found
			if got := Recoverable(m); got != c.restarts {
				t.Errorf("a restart helps: %t", got)
			}
		})
	}
}

// binds mounts directories for devices, in the namespace of the test process.
type binds struct {
	*sys.Fake
	dirs map[string]string
}

func (b binds) Mount(source, target, fstype string, flags uintptr, data string) error {
	if err := b.Fake.Mount(source, target, fstype, flags, data); err != nil || fstype == "" {
		return err
	}
	return unix.Mount(b.dirs[source], target, "", unix.MS_BIND, "")
}

func (b binds) Unmount(target string, flags int) error {
	return errors.Join(b.Fake.Unmount(target, flags), unix.Unmount(target, flags))
}

// TestTakeOverFromStage1: a boot that did not find its disk reads the boot partitions of all disks, and changes only that
// of the disk whose slot has the root hash on the command line.
func TestTakeOverFromStage1(t *testing.T) {
	for name, c := range map[string]struct {
		spoil bool
		why   string
	}{"ours": {false, ""}, "none is ours": {true, "belongs to another system"}} {
		t.Run(name, func(t *testing.T) {
			m := pcWithTwo(t)
			ours, other := memory(t), memory(t)
			text, err := os.ReadFile(BootDir + "/slots/b/" + slotfile.ManifestName)
			ok(t, err)
			manifest, err := slotfile.ParseManifest(text)
			ok(t, err)
			save(t, BootDir+"/slots/a/"+slotfile.ManifestName, text)
			ok(t, errors.Join(os.CopyFS(ours, os.DirFS(BootDir)), os.CopyFS(other, os.DirFS(BootDir)), unix.Unmount(BootDir, 0)))
			ok(t, os.Remove(filepath.Join(other, "slots/a", slotfile.ManifestName)))
			save(t, m.Path("/sys/devices/usb/sd0/sd02/uevent"), []byte("PARTNAME=boot\n")) // stands before sda2
			ok(t, os.Symlink("../../devices/usb/sd0/sd02", m.Path("/sys/class/block/sd02")))
			f := m.Sys.(*sys.Fake)
			m.Sys, m.Found, m.Line.Root.Hash = binds{f, map[string]string{"/dev/sda2": ours, "/dev/sd02": other}}, Found{}, manifest.Root.Hash
			if c.spoil {
				m.Line.Root.Hash = strings.Repeat("0", 64)
			}
			before, err := os.ReadFile(filepath.Join(other, "grub", grubenv.File(0)))
			ok(t, err)
			err = TakeOver(m, "stage1 find-slot", "no partition root-a is valid")
			if c.why == "" && (err != nil || m.Found.Disk != "sda") || c.why != "" && (!errors.Is(err, slot.ErrNoOther) || !strings.Contains(err.Error(), c.why)) {
				t.Errorf("disk %q, %v", m.Found.Disk, err)
			}
			if n := strings.Count(f.String(), "unmount /boot"); n != strings.Count(f.String(), " /boot vfat") || bootMounted() {
				t.Errorf("left mounted:\n%s", f)
			}
			if got := stateIn(t, ours); (got.Good == layout.B) != (c.why == "") {
				t.Errorf("state of ours: %+v", got)
			}
			if after, err := os.ReadFile(filepath.Join(other, "grub", grubenv.File(0))); err != nil || string(after) != string(before) {
				t.Errorf("another system's state was changed, %v", err)
			}
		})
	}
}

// memory is a directory on no disk, in the namespace of the test process.
func memory(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	ok(t, unix.Mount("memory", dir, "tmpfs", 0, "size=16m"))
	t.Cleanup(func() { ok(t, unix.Unmount(dir, unix.MNT_DETACH)) })
	return dir
}

func stateIn(t *testing.T, dir string) bootstate.State {
	t.Helper()
	var copies [2][]byte
	for i := range copies {
		var err error
		copies[i], err = os.ReadFile(filepath.Join(dir, "grub", grubenv.File(i)))
		ok(t, err)
	}
	s, _, err := grubenv.Encoding().Choose(copies[0], copies[1])
	ok(t, err)
	return s
}
