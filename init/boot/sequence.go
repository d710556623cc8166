package boot

import (
	"context"
	"slices"
	"time"

	"github.com/proa-os/proa/config/step"
)

// Step is one row: its name on the console, its function, the policy when it fails, and its time limit while the slot
// is on trial. The limits are for hardware ten times slower than any known: they end what hangs, not what is slow.
type Step struct {
	Name   string
	Func   func(context.Context, *Machine) error
	Policy step.Policy
	Limit  time.Duration
}

// Stage1Disk runs in the initramfs of a flashed disk: it finds the slot in the boot entry and makes it the root.
func Stage1Disk() []Step {
	return []Step{
		{"early-mounts", earlyMounts, step.Halt, 2 * time.Minute},
		{"read-cmdline", readCmdline, step.Halt, 2 * time.Minute},
		{"watchdog", startWatchdog, step.Warn, time.Minute},
		{"load-modules", loadEarlyModules, step.Warn, 5 * time.Minute},
		{"find-slot", findSlot, step.Rollback, 5 * time.Minute},
		{"black-box", openBox, step.Warn, time.Minute},
		{"signature", checkSignature, step.Rollback, 2 * time.Minute},
		{"map-verity", mapVerity, step.Rollback, 2 * time.Minute},
		{"mount-root", mountRoot, step.Rollback, 2 * time.Minute},
		{"read-init", checkInit, step.Rollback, 2 * time.Minute},
		{"switch-root", switchRoot, step.Rollback, 2 * time.Minute},
	}
}

// Stage1Live runs in the initramfs of an ISO: it finds the medium, a CD or a USB disk, and makes its root image the
// root.
func Stage1Live() []Step {
	return []Step{
		{"early-mounts", earlyMounts, step.Halt, 2 * time.Minute},
		{"read-cmdline", readCmdline, step.Halt, 2 * time.Minute},
		{"load-modules", loadEarlyModules, step.Warn, 5 * time.Minute},
		{"find-medium", findMedium, step.Halt, 5 * time.Minute},
		{"attach-image", attachImage, step.Halt, 5 * time.Minute},
		{"signature", checkMedium, step.Halt, 2 * time.Minute},
		{"map-verity", mapVerity, step.Halt, 2 * time.Minute},
		{"mount-root", mountRoot, step.Halt, 2 * time.Minute},
		{"read-init", checkInit, step.Halt, 2 * time.Minute},
		{"switch-root", switchRoot, step.Halt, 2 * time.Minute},
	}
}

// Stage2 runs on the real root, in both modes. A step with policy warn is reported on the console and in status.json
// and keeps a slot from being marked good; the list halts only if SSH could not work anyway.
func Stage2() []Step {
	return []Step{
		{"mounts", mainMounts, step.Halt, 2 * time.Minute},
		{"read-cmdline", readCmdline, step.Halt, 2 * time.Minute},
		{"cgroups", cgroups, step.Halt, 2 * time.Minute},
		{"rlimits", rlimits, step.Warn, 2 * time.Minute},
		{"overlay-etc", overlayEtc, step.Halt, 2 * time.Minute},
		{"load-modules", loadModules, step.Warn, 5 * time.Minute},
		{"coldplug", coldplug, step.Warn, 5 * time.Minute},
		{"mount-boot", mountBoot, step.Retry, 2 * time.Minute},
		{"black-box", readBox, step.Warn, time.Minute},
		{"data", mountData, step.Warn, 2 * time.Hour}, // making or checking a file system on a large, slow disk
		{"persist", persist, step.Halt, 2 * time.Minute},
		{"clock", setClock, step.Warn, 2 * time.Minute},
		{"last-end", lastEnd, step.Warn, 5 * time.Minute}, // before what may end this boot the same way
		{"sources", sources, step.Warn, 2 * time.Minute},
		{"read-config", readConfig, step.Warn, 2 * time.Minute},
		{"keep-sources", keepSources, step.Warn, 2 * time.Minute},
		{"remote-sources", remoteSources, step.Warn, 5 * time.Minute},
		{"identity", identify, step.Warn, 2 * time.Minute},
		{"user-mounts", userMounts, step.Warn, 2 * time.Minute},
		{"accounts", accounts, step.Warn, 2 * time.Minute},
		{"environment", environment, step.Warn, 2 * time.Minute},
		{"ca-certs", caCerts, step.Warn, 2 * time.Minute},
		{"timezone", timezone, step.Warn, 2 * time.Minute},
		{"sysctls", sysctls, step.Warn, 2 * time.Minute},
		{"user-modules", userModules, step.Warn, 5 * time.Minute},
		{"swap", swapping, step.Warn, 2 * time.Minute},
		{"write-files", writeFiles, step.Warn, 5 * time.Minute},
		{"boot-cmd", bootCommands, step.Warn, 10 * time.Minute},
		{"deferred-files", deferredFiles, step.Warn, 5 * time.Minute},
		{"wifi", wifiConfig, step.Warn, 2 * time.Minute},
		{"firewall", filter, step.Warn, 2 * time.Minute}, // before the machine is reachable
		{"network", network, step.Warn, 5 * time.Minute},
		{"k3s-config", k3sConfig, step.Warn, 2 * time.Minute},
	}
}

// Swapped has the steps of Stage2 that follow a soft swap (init/softswap): all but those that would make again what the
// machine has.
func Swapped() []Step {
	has := []string{"mounts", "overlay-etc", "mount-boot", "data", "persist", "swap"}
	return slices.DeleteFunc(Stage2(), func(s Step) bool { return slices.Contains(has, s.Name) })
}

// Rest returns what follows the root of this machine.
func (m *Machine) Rest() []Step {
	if m.Found.Swap == nil {
		return Stage2()
	}
	m.Logf("slot %s runs %s", m.Line.Slot, m.Found.Swap)
	return Swapped()
}

// Print returns the output of `init -print`, which is a golden file.
func Print() string {
	return step.Print("stage1-disk", Stage1Disk()) + "\n" + step.Print("stage1-live", Stage1Live()) + "\n" +
		step.Print("stage2", Stage2()) + "\n" + step.Print("soft-swap", Swapped())
}
