package e2e

import (
	"testing"

	"github.com/proa-os/proa/build/powercut"
	"github.com/proa-os/proa/build/qemu"
	"github.com/proa-os/proa/images/chain"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/uboot"
)

// TestPowerCutsUpgrade records QEMU's write log of upgrades on each boot chain: into an empty slot, and over the system
// before. Every disk that a power cut can leave is judged by model, and some are booted: PROA_CUTS for each recording, by
// default 25; PROA_SUBSETS and PROA_SEED choose among the disks of one run of unflushed writes. With PROA_POWER_DIR
// recordings are kept there and used again. PROA_POWER_BY is the way to upgrade: upgrade, or slot.
func TestPowerCutsUpgrade(t *testing.T) {
	needs(t, "power")
	total := 0
	for _, c := range powerChains() {
		for before, kind := range []string{"empty", "over"} {
			t.Run(c.name+"-"+kind, func(t *testing.T) {
				c.medium, c.cpus, c.config, c.disk = qemu.Disk, 1, gateConfig, powerDisk
				total += c.cut(t, wayOf(t), before)
			})
		}
	}
	t.Logf("%d distinct disks judged on all chains", total)
}

type powerChain struct {
	name  string
	chain string
	options
}

func powerChains() []powerChain {
	return []powerChain{
		{"pc-grub", chain.GRUB, options{kind: "img", firmware: qemu.BIOS}},
		{"pc-systemd-boot", chain.SystemdBoot, options{kind: "img", firmware: qemu.UEFI}},
		{"arm64-uefi", chain.SystemdBoot, options{board: "arm64-uefi", kind: "img", firmware: qemu.UEFI}},
		{"arm64-virt", chain.UBoot, options{board: "arm64-virt", kind: "img"}},
		{"armv7-virt", chain.UBoot, options{board: "armv7-virt", kind: "img"}},
		{"rpi3", chain.UBoot, options{board: "rpi3", kind: "img.zst"}},
	}
}

// cut records one upgrade, judges every state and boots some. It returns the number of states.
func (p powerChain) cut(t *testing.T, up upgrader, before int) int {
	r := recorded(t, p.options, up, before)
	tools := tools(t, p.machine())
	var adapted []string
	if tools.Words != "" && r.From == layout.A && before == 0 {
		adapted = []string{layout.A.Dir() + "/" + uboot.ScriptFile} // see qemu.Tools.Adapt
	}
	c := r.open(t, p.chain, tools.Disk == nil, adapted...)
	seed := uint64(number(t, "PROA_SEED", 1))
	list, n := c.all(t, powercut.Bounds{Subsets: number(t, "PROA_SUBSETS", 1024), Seed: seed})
	t.Logf("PROA_SEED=%d: %s", seed, n)
	booted := c.boots(t, p.options, c.sample(list, number(t, "PROA_CUTS", 25), seed), up)
	t.Logf("booted: %v", booted)
	return n.Distinct
}
