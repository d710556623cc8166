package boot

import (
	"context"
	"errors"
	"os"

	"github.com/proa-os/proa/images/cmdline"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/slot"
	"github.com/proa-os/proa/init/slottrust"
	"github.com/proa-os/proa/init/sys"
	"golang.org/x/sys/unix"
)

// IsLive reads the command line before any step has run, to choose the list of steps. It mounts /proc if necessary.
func (m *Machine) IsLive() bool {
	raw, err := os.ReadFile(m.Path("/proc/cmdline"))
	if err != nil {
		_ = m.Sys.MkdirAll("/proc", 0o755) // if this fails the mount fails too
		if m.Sys.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NOEXEC|unix.MS_NODEV, "") != nil {
			return false
		}
		raw, _ = os.ReadFile(m.Path("/proc/cmdline"))
		_ = m.Sys.Unmount("/proc", unix.MNT_DETACH) // early-mounts mounts over it
	}
	return cmdline.IsLive(string(raw))
}

// Slots returns the interface to the machine's boot state.
func (m *Machine) Slots() (slot.Slots, error) {
	return slot.Find(m.bootState(), m.Line.Slot)
}

// bootState returns the location of the machine's boot state.
func (m *Machine) bootState() slot.Boot {
	device := slot.Device(BootDir)
	on := slot.DiskOf(m.Root, device)
	boot := slot.Boot{Chain: on.Chain(), Dir: BootDir, Device: device,
		Writable: slot.Remount(m.Sys, BootDir, bootFlags), Skipped: m.Found.Trial.Other.Skipped}
	if part := on.Part(layout.State.Of(layout.Shared)); part != "" {
		boot.State = m.Path("/dev/" + part)
	}
	if boot.Chain.OwnBoot {
		own := on.Own(m.Root)
		boot.Numbers, boot.Mount, boot.CanTry = map[layout.Slot]int{}, slot.Mounts(m.Sys, m.Root, RunDir+"/boot", bootFlags, own), slot.KernelTells("/proc/kallsyms")
		for of, part := range own {
			boot.Numbers[of] = part.Number
		}
	}
	return boot
}

// Running returns the machine for a command that runs beside PID 1.
func Running(s sys.Sys) (*Machine, error) {
	m := &Machine{Sys: s, Logf: func(string, ...any) {}, Trust: slottrust.Installed("")}
	err := readJSON(m.Path(Handover), &m.Found)
	return m, errors.Join(err, readCmdline(context.Background(), m))
}

// RootPartition returns the device of a slot's root on the disk that this system runs from.
func (m *Machine) RootPartition(s layout.Slot) (string, error) {
	part, err := m.sibling(layout.Root.Of(s))
	return m.Path("/dev/" + part), err
}
