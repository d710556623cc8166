package boot

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/proa-os/proa/images/chain"
	"github.com/proa-os/proa/images/cmdline"
	"github.com/proa-os/proa/init/modules"
	"github.com/proa-os/proa/init/mounts"
	"github.com/proa-os/proa/init/tuning"
	"golang.org/x/sys/unix"
)

func earlyMounts(_ context.Context, m *Machine) error {
	err := mounts.Apply(m.Sys, mounts.Early(), m.Logf)
	_ = tuning.Sysctl(m.Sys, "kernel.printk_devkmsg", "on") // otherwise the kernel's log, and what is kept of it, lacks most lines of PID 1
	return err
}

func readCmdline(_ context.Context, m *Machine) error {
	raw, err := os.ReadFile(m.Path("/proc/cmdline"))
	if err != nil {
		return err
	}
	line, err := cmdline.Parse(string(raw))
	m.Line = m.Found.Swap.Line(line)
	return err
}

// earlyModules are modules that no device's modalias requests: file systems and device-mapper.
func earlyModules() []string {
	return []string{"loop", "dm-mod", "dm-verity", "erofs", "isofs", "vfat", "nls_cp437", "nls_ascii", "nls_utf8", "sd_mod", "sr_mod"}
}

func openModules(m *Machine) error {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return err
	}
	dir := "/usr/lib/modules/" + unix.ByteSliceToString(u.Release[:])
	if _, err := os.Stat(m.Path(dir)); err != nil {
		dir = strings.TrimPrefix(dir, "/usr")
	}
	x, err := modules.Open(m.Path(dir), func(file, params string) error {
		return m.Sys.LoadModule("/"+strings.TrimPrefix(strings.TrimPrefix(file, m.Root), "/"), params)
	})
	if err != nil {
		return err
	}
	x.Loaded(m.Path("/proc/modules"))
	m.Modules = x
	return nil
}

// watchdogDrivers are watchdog drivers, and drivers of the chips that contain watchdogs on PCs.
func watchdogDrivers() []string {
	return []string{"i6300esb", "lpc_ich", "i2c_i801", "iTCO_wdt", "wdat_wdt", "sp5100_tco", "sbsa_gwdt", "bcm2835_wdt",
		"omap_wdt", "sunxi_wdt"}
}

// startWatchdog loads the watchdog drivers, and what keeps the kernel's messages in firmware when it panics, before all
// others, because any of these may hang or panic.
func startWatchdog(_ context.Context, m *Machine) error {
	if err := openModules(m); err != nil {
		return fmt.Errorf("module index: %w", err)
	}
	got, err := m.Modules.Coldplug(m.Path("/sys"), func(modalias string) bool {
		return slices.ContainsFunc(m.Modules.For(modalias), func(name string) bool { return name == "efi_pstore" || slices.Contains(watchdogDrivers(), name) })
	})
	m.Guard.Start()
	m.Logf("watchdogs: %d [%s]%s", m.Guard.Count(), strings.Join(got, " "), errText(err)) // a driver may refuse a device
	return nil
}

func loadEarlyModules(_ context.Context, m *Machine) error {
	if m.Modules == nil { // live mode, or the index could not be read
		if err := openModules(m); err != nil {
			return fmt.Errorf("module index: %w", err)
		}
	}
	err := m.loadKnown(earlyModules())
	got, cold := m.Modules.Coldplug(m.Path("/sys"), modules.Needed)
	m.Logf("coldplug: %s", strings.Join(got, " "))
	if cold != nil {
		m.Logf("coldplug: %v", cold)
	}
	return errors.Join(err, m.loadOwn())
}

// loadOwn loads the modules of proa's own that the boot chain needs (init/kernel): under tryboot the one that passes
// "0 tryboot" to Raspberry Pi's firmware if the kernel does not. No device requests it. It is called in both stages,
// because a boot that fails in stage 1 requests the next try as well. Boards with other boot chains do not have it.
func (m *Machine) loadOwn() (err error) {
	for _, name := range chain.Table().Modules() {
		if m.Modules.Has(name) {
			err = errors.Join(err, m.Modules.Load(name, ""))
		}
	}
	return err
}
