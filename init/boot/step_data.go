package boot

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/proa-os/proa/images/cmdline"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/releasefile"
	"github.com/proa-os/proa/init/blockdev"
	"github.com/proa-os/proa/init/clock"
	"github.com/proa-os/proa/init/data"
	"github.com/proa-os/proa/init/fatmend"
	"github.com/proa-os/proa/init/mounts"
	"github.com/proa-os/proa/init/slot"
	"github.com/proa-os/proa/init/slottrust"
	"github.com/proa-os/proa/init/sys"
	"golang.org/x/sys/unix"
)

// BootDir is the mount point of the boot partition. It is mounted read-only and remounted writable for the duration of
// a write.
const BootDir = "/boot"

const bootFlags = unix.MS_NODEV | unix.MS_NOSUID | unix.MS_NOEXEC

// mountBoot mounts the boot partition of the disk that has the root, or the live medium.
func mountBoot(_ context.Context, m *Machine) error {
	if !m.OnDisk() {
		return m.Sys.Mount(liveDir, BootDir, "", unix.MS_BIND, "")
	}
	part, err := m.sibling(string(layout.Boot))
	if err != nil {
		return err
	}
	fatmend.Mend(m.Path("/dev/"+part), m.Logf)
	return m.Sys.Mount("/dev/"+part, BootDir, "vfat", bootFlags|unix.MS_RDONLY, "umask=0077,utf8=1")
}

// sibling returns the partition of that name on the disk that has the root.
func (m *Machine) sibling(name string) (string, error) {
	for _, p := range blockdev.Named(m.Root, name) {
		if m.Found.Disk != "" && blockdev.Disk(m.Root, p) == m.Found.Disk {
			return p, nil
		}
	}
	return "", fmt.Errorf("disk %s has no partition named %s", m.Found.Disk, name)
}

// mountData mounts the data partition, and creates it first on a new disk. If that fails, data is in memory, so that
// SSH works for repairs; Kubernetes is then not started, because it would create a new cluster.
func mountData(ctx context.Context, m *Machine) error {
	if m.OnDisk() {
		disk := data.Disk{Sys: m.Sys, Name: m.Found.Disk, Logf: m.Logf}
		if m.DataErr = disk.Mount(ctx, DataDir); m.DataErr == nil {
			return nil
		}
	}
	if err := m.Sys.Mount("data", DataDir, "tmpfs", unix.MS_NODEV, "mode=0755,size=75%"); err != nil {
		return err
	}
	return m.DataErr
}

func persist(_ context.Context, m *Machine) error {
	return mounts.Apply(m.Sys, mounts.Persistent(DataDir), m.Logf)
}

// setClock never sets the clock back: a cluster does not recover from certificates that are not valid yet.
func setClock(_ context.Context, m *Machine) error {
	kept, err := os.ReadFile(m.Path(ClockFile))
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	now := time.Now()
	to, state := clock.Start(string(kept), releasefile.Built(m.Root), now)
	if !to.Equal(now) {
		m.Logf("clock says %s; setting it to %s, when this machine last ran or was built", now.UTC().Format(time.RFC3339), to.UTC().Format(time.RFC3339))
		err = errors.Join(err, m.Sys.SetClock(to))
	}
	return errors.Join(err, m.writeJSON(clock.StateFile, state))
}

func lastEnd(_ context.Context, m *Machine) error {
	if m.LastEnd != nil {
		m.LastEnd()
	}
	return nil
}

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
