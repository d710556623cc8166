package boot

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/blockdev"
	"github.com/proa-os/proa/init/data"
	"github.com/proa-os/proa/init/modules"
	"github.com/proa-os/proa/init/verity"
	"golang.org/x/sys/unix"
)

// deviceWait is how long to wait for a disk: USB bridges and card readers are slow.
const deviceWait = 30 * time.Second

const (
	newRoot  = "/mnt/root"
	liveDir  = "/run/proa/medium"
	rootFile = "/proa/root.img"
	// RootName is the device-mapper name of the root.
	RootName = "proa-root"
	initPath = "/usr/sbin/init"
)

// waitFor repeats look, with a coldplug each second, because the driver of a controller adds devices that need drivers
// of their own.
func waitFor(ctx context.Context, m *Machine, look func() (bool, error)) error {
	start, plugged := time.Now(), time.Now()
	for {
		found, err := look()
		if found {
			return nil
		}
		if time.Since(start) > deviceWait || ctx.Err() != nil {
			return fmt.Errorf("waited %.0f s: %w", time.Since(start).Seconds(), err)
		}
		time.Sleep(100 * time.Millisecond)
		if m.Modules != nil && time.Since(plugged) > time.Second {
			_, _ = m.Modules.Coldplug(m.Path("/sys"), modules.Needed) // reported once by load-modules
			plugged = time.Now()
		}
	}
}

// findSlot checks every partition with the slot's name on every disk, and takes the one whose hash tree matches the
// root hash of the boot entry: several disks may have proa. If the kernel sees no partitions because a GPT is damaged,
// that is repaired first.
func findSlot(ctx context.Context, m *Machine) error {
	name, revived := layout.Root.Of(m.Line.Slot), map[string]bool{}
	return waitFor(ctx, m, func() (bool, error) {
		var fit []string
		var why []string
		for _, part := range blockdev.Named(m.Root, name) {
			if err := verity.CheckDevice(m.Path("/dev/"+part), m.Line.Root.Size, m.Line.Root.Hash); err != nil {
				why = append(why, part+": "+err.Error())
				continue
			}
			fit = append(fit, part)
		}
		if len(fit) == 0 {
			m.reviveTables(revived)
			return false, noPartition(name, why)
		}
		if len(fit) > 1 {
			m.Logf("several disks have this slot: %s; using the first", strings.Join(fit, ", "))
		}
		m.Found.Part, m.Found.Root = fit[0], "/dev/"+fit[0]
		m.Found.Disk = blockdev.Disk(m.Root, fit[0])
		return true, nil
	})
}

// reviveTables tries to repair the GPT of each disk without partitions, once per disk.
func (m *Machine) reviveTables(done map[string]bool) {
	for _, name := range blockdev.Bare(m.Root) {
		if done[name] {
			continue
		}
		what, err := data.Revive(m.Path("/dev/" + name))
		if what == "" {
			continue // not proa's disk, or not there yet
		}
		done[name] = true
		m.Logf("%s: %s", name, what)
		if err != nil {
			m.Logf("%s: %v", name, err)
		}
	}
}

func noPartition(name string, why []string) error {
	if len(why) > 0 {
		return fmt.Errorf("no partition %s is valid: %s", name, strings.Join(why, "; "))
	}
	return fmt.Errorf("no partition is named %s", name)
}

// findMedium finds the ISO file system by its label: on a CD it is on the whole disc, on a USB disk on the disk or a
// partition. If several match it takes the one whose root image matches the root hash of the boot entry.
func findMedium(ctx context.Context, m *Machine) error {
	return waitFor(ctx, m, func() (bool, error) {
		var seen []string
		devices, _ := filepath.Glob(m.Path("/sys/class/block/*"))
		for _, d := range devices {
			name := filepath.Base(d)
			label := blockdev.ISOLabel(m.Path("/dev/" + name))
			if label == "" {
				continue
			}
			if label != m.Line.Medium {
				seen = append(seen, name+" is labelled "+label)
				continue
			}
			err := m.mountMedium(name)
			if err == nil {
				return true, nil
			}
			seen = append(seen, name+": "+err.Error())
		}
		return false, fmt.Errorf("no medium labelled %s has this root; seen: [%s]", m.Line.Medium, strings.Join(seen, "; "))
	})
}

func (m *Machine) mountMedium(name string) error {
	if err := m.Sys.MkdirAll(liveDir, 0o755); err != nil {
		return err
	}
	if err := m.Sys.Mount("/dev/"+name, liveDir, "iso9660", unix.MS_RDONLY|unix.MS_NODEV|unix.MS_NOSUID|unix.MS_NOEXEC, ""); err != nil {
		return err
	}
	if err := verity.CheckDevice(m.Path(liveDir+rootFile), m.Line.Root.Size, m.Line.Root.Hash); err != nil {
		return errors.Join(err, m.Sys.Unmount(liveDir, 0))
	}
	m.Found.Medium = "/dev/" + name
	return nil
}

func attachImage(_ context.Context, m *Machine) (err error) {
	m.Found.Root, err = verity.Loop(m.Path(liveDir + rootFile))
	if err != nil {
		return err
	}
	return verity.CheckDevice(m.Found.Root, m.Line.Root.Size, m.Line.Root.Hash)
}

// checkSignature verifies the slot's manifest, and what the kernel was started with by it.
func checkSignature(_ context.Context, m *Machine) error {
	if !m.Trust.Guards(m.Logf) {
		return nil
	}
	part, err := m.sibling(string(layout.Boot))
	if err != nil {
		return err
	}
	return m.mounted(part, func() error {
		s, err := m.Slots()
		if err != nil {
			return err
		}
		return m.Trust.Boot(s, m.Line)
	})
}

func checkMedium(_ context.Context, m *Machine) error {
	if !m.Trust.Guards(m.Logf) {
		return nil
	}
	return m.Trust.Medium(filepath.Dir(m.Path(liveDir+rootFile)), m.Line)
}

func mapVerity(_ context.Context, m *Machine) (err error) {
	m.Found.Root, err = verity.Open(RootName, m.Found.Root, m.Line.Root.Size, m.Line.Root.Hash)
	return err
}

func mountRoot(_ context.Context, m *Machine) error {
	if err := m.Sys.MkdirAll(newRoot, 0o755); err != nil {
		return err
	}
	return m.Sys.Mount(m.Found.Root, newRoot, "erofs", unix.MS_RDONLY, "")
}

func checkInit(_ context.Context, m *Machine) error {
	return verity.ReadThrough(m.Path(newRoot), initPath)
}

func switchRoot(_ context.Context, m *Machine) error {
	if err := m.writeJSON(Handover, m.Found); err != nil {
		return err
	}
	// SwitchRoot does not return on success, so save and flush before it.
	m.SaveTimeline()
	m.Logf("switching to the root of %s", m.Found.Root)
	if m.Flush != nil {
		m.Flush()
	}
	return m.Sys.SwitchRoot(newRoot, []string{initPath})
}
