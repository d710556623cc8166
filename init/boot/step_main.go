package boot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sort"
	"strings"

	"github.com/proa-os/proa/config/nodekernel"
	"github.com/proa-os/proa/init/modules"
	"github.com/proa-os/proa/init/mounts"
	"github.com/proa-os/proa/init/tuning"
)

func mainMounts(_ context.Context, m *Machine) error {
	// written by the initramfs; without one there is no such file
	if err := readJSON(m.Path(Handover), &m.Found); err != nil {
		return err
	}
	return mounts.Apply(m.Sys, mounts.Main(), m.Logf)
}

func cgroups(_ context.Context, m *Machine) error { return tuning.Cgroups(m.Sys, m.Root, m.Logf) }
func rlimits(_ context.Context, m *Machine) error { return tuning.Rlimits(m.Sys) }

func overlayEtc(_ context.Context, m *Machine) error {
	if err := openModules(m); err != nil {
		return fmt.Errorf("module index: %w", err)
	}
	if err := m.Modules.Load("overlay", ""); err != nil {
		return err
	}
	return mounts.Apply(m.Sys, mounts.Etc(), m.Logf)
}

// nodeModules are loaded before anything requests them: those of Kubernetes and of this machine. The rest (nft_*, xt_*,
// ciphers, file systems) the kernel loads on demand through Modprobe; loading all of them here took a third of the boot.
func nodeModules() []string {
	return append(nodekernel.Modules(), "ext4", "vfat", "nls_cp437", "nls_ascii", "nls_utf8", "loop", "evdev", "efivarfs")
}

// Modprobe is the path of the kernel's module helper: this program under another name.
const Modprobe = RunDir + "/modprobe"

func loadModules(_ context.Context, m *Machine) error {
	if m.Modules == nil { // after a soft swap
		if err := openModules(m); err != nil {
			return fmt.Errorf("module index: %w", err)
		}
	}
	err := m.Sys.Symlink("/usr/bin/proa", Modprobe)
	if err == nil {
		err = tuning.Sysctl(m.Sys, "kernel.modprobe", Modprobe)
	}
	if err := m.Modules.StaticNodes(m.Sys, "/dev"); err != nil {
		m.Logf("device nodes: %v", err) // nodes of modules that are rarely used
	}
	return errors.Join(err, m.loadKnown(nodeModules()), m.loadOwn())
}

// loadKnown loads the modules that this kernel has, and logs the others.
func (m *Machine) loadKnown(names []string) error {
	absent, err := m.Modules.LoadKnown(names)
	if absent != nil {
		m.Logf("modules not in this kernel: %s", strings.Join(absent, " "))
	}
	return err
}

// coldplug subscribes to uevents before it scans, so that no device is missed.
func coldplug(_ context.Context, m *Machine) error {
	if err := modules.Listen(m.Ctx, m.hotplug); err != nil {
		return err
	}
	m.plug(modules.Needed)
	return nil
}

// PlugRest loads the modules that a boot does not wait for.
func (m *Machine) PlugRest() { m.plug(nil) }

// plug logs what it loads. A driver may refuse a device (no firmware, unsupported chip), which does not count against
// the slot.
func (m *Machine) plug(want func(string) bool) {
	loaded, err := m.Modules.Coldplug(m.Path("/sys"), want)
	sort.Strings(loaded)
	if len(loaded) > 0 {
		m.Logf("coldplug: %s", strings.Join(loaded, " "))
	}
	if err != nil {
		m.Logf("coldplug: %v", err)
	}
}

func (m *Machine) hotplug(ev modules.Event) {
	if ev["ACTION"] != "add" || ev["MODALIAS"] == "" {
		return
	}
	loaded, err := m.Modules.LoadAlias(ev["MODALIAS"])
	if len(loaded) > 0 || err != nil {
		m.Logf("hotplug %s: %s", ev["DEVPATH"], strings.TrimSpace(strings.Join(loaded, " ")+" "+errText(err)))
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// Modprobe is the command modprobe (modules.Modprobe).
func (m *Machine) Modprobe(args []string, complain io.Writer) (code int) {
	return modules.Modprobe(func() (*modules.Index, error) { err := openModules(m); return m.Modules, err }, args, complain)
}

// loadAnew loads a module with a new index, because that of the boot may be gone or in use.
func (m *Machine) loadAnew(name, params string) error {
	fresh := &Machine{Sys: m.Sys, Root: m.Root}
	if err := openModules(fresh); err != nil {
		return err
	}
	return fresh.Modules.Load(name, params)
}
