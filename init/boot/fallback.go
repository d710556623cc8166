package boot

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/blockdev"
	"github.com/proa-os/proa/init/slot"
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
	return slices.Contains(strings.Fields(string(raw)), "proa.mode=live")
}

// Slots returns the interface to the machine's boot state.
func (m *Machine) Slots() (slot.Slots, error) {
	s, err := layout.ParseSlot(m.Line.Slot)
	if err != nil {
		return nil, slot.ErrNoState
	}
	return slot.Find(m.bootState(), s, slot.EFI())
}

// bootState returns the location of the machine's boot state.
func (m *Machine) bootState() slot.Boot {
	boot := slot.Boot{Dir: BootDir, Device: slot.Device(BootDir), Writable: slot.Remount(m.Sys, BootDir, bootFlags), Skipped: m.Found.Trial.Other.Skipped}
	boot.State = statePartition(m, boot.Device)
	if own := slotPartitions(m, boot.Device); own != nil {
		boot.Numbers, boot.Mount, boot.CanTry = map[layout.Slot]int{}, m.mountSlot(own), slot.KernelTells("/proc/kallsyms")
		for of, part := range own {
			boot.Numbers[of] = part.number
		}
	}
	return boot
}

// statePartition returns the state partition on the disk that has the boot partition, "" if there is none. Another disk
// in the machine may have proa as well.
func statePartition(m *Machine, boot string) string {
	disk := blockdev.Disk(m.Root, filepath.Base(boot))
	for _, part := range blockdev.Named(m.Root, string(layout.State)) {
		if disk != "" && blockdev.Disk(m.Root, part) == disk {
			return m.Path("/dev/" + part)
		}
	}
	return ""
}
