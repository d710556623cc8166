package boot

import (
	"context"

	"github.com/proa-os/proa/init/step"
)

// Step is one row: its name on the console, what it does, and what follows when it fails.
type Step struct {
	Name   string
	Func   func(context.Context, *Machine) error
	Policy step.Policy
}

// Stage1Disk runs in the initramfs of a flashed disk: find the slot that the boot entry names and make it the root.
func Stage1Disk() []Step {
	return []Step{
		{"early-mounts", earlyMounts, step.Halt},
		{"read-cmdline", readCmdline, step.Halt},
		{"load-modules", loadEarlyModules, step.Warn},
		{"find-slot", findSlot, step.Rollback},
		{"map-verity", mapVerity, step.Rollback},
		{"mount-root", mountRoot, step.Rollback},
		{"switch-root", switchRoot, step.Rollback},
	}
}

// Stage1Live runs in the initramfs of an ISO: find the medium, on a CD or a USB disk, and make its root image the root.
func Stage1Live() []Step {
	return []Step{
		{"early-mounts", earlyMounts, step.Halt},
		{"read-cmdline", readCmdline, step.Halt},
		{"load-modules", loadEarlyModules, step.Warn},
		{"find-medium", findMedium, step.Halt},
		{"attach-image", attachImage, step.Halt},
		{"map-verity", mapVerity, step.Halt},
		{"mount-root", mountRoot, step.Halt},
		{"switch-root", switchRoot, step.Halt},
	}
}

// Stage2 runs on the real root, in both modes. What it warns about is on the console and in status.json, and keeps
// a slot from being marked good; it halts only where SSH could not work anyway.
func Stage2() []Step {
	return []Step{
		{"mounts", mainMounts, step.Halt},
		{"read-cmdline", readCmdline, step.Halt},
		{"cgroups", cgroups, step.Halt},
		{"rlimits", rlimits, step.Warn},
		{"overlay-etc", overlayEtc, step.Halt},
		{"load-modules", loadModules, step.Warn},
		{"coldplug", coldplug, step.Warn},
		{"mount-boot", mountBoot, step.Retry},
		{"data", mountData, step.Warn},
		{"persist", persist, step.Halt},
		{"clock", setClock, step.Warn},
		{"read-config", readConfig, step.Warn},
		{"identity", identity, step.Warn},
		{"ssh-keys", sshKeys, step.Warn},
		{"sysctls", sysctls, step.Warn},
		{"user-modules", userModules, step.Warn},
		{"write-files", writeFiles, step.Warn},
		{"network", network, step.Warn},
		{"k3s-config", k3sConfig, step.Warn},
	}
}

// Print is what `init -print` shows and the golden file holds.
func Print() string {
	return step.Print("stage1-disk", rows(Stage1Disk())) + "\n" + step.Print("stage1-live", rows(Stage1Live())) + "\n" + step.Print("stage2", rows(Stage2()))
}

func rows(list []Step) (out []step.Step[*Machine]) {
	for _, s := range list {
		out = append(out, step.Step[*Machine](s))
	}
	return out
}
