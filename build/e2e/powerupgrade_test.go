package e2e

import (
	"testing"

	"github.com/proa-os/proa/build/powercut"
	"github.com/proa-os/proa/build/qemu"
	"github.com/proa-os/proa/images/chain"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/uboot"
)

// TestPowerCutsUpgrade records QEMU's write log of an upgrade on each boot chain.
func TestPowerCutsUpgrade(t *testing.T) {
	needs(t, "power")
	total := 0
	for _, c := range powerChains() {
		t.Run(c.name, func(t *testing.T) {
			c.medium, c.cpus, c.config, c.disk = qemu.Disk, 1, gateConfig, powerDisk
			total += c.cut(t, byCommand)
		})
	}
	t.Logf("%d states judged on all chains", total)
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
func (p powerChain) cut(t *testing.T, up upgrader) int {
	r := recorded(t, p.options, up)
	tools := tools(t, p.machine())
	var adapted []string
	if tools.Words != "" {
		adapted = []string{layout.A.Dir() + "/" + uboot.ScriptFile} // see qemu.Tools.Adapt
	}
	c := r.open(t, p.chain, tools.Disk == nil, adapted...)
	seed := uint64(number(t, "PROA_SEED", 1))
	list, n := c.all(t, powercut.Bounds{Subsets: number(t, "PROA_SUBSETS", 1024), Seed: seed})
	t.Logf("PROA_SEED=%d: %s", seed, n)
	booted := c.boots(t, p.options, c.sample(list, number(t, "PROA_CUTS", 50), seed))
	t.Logf("booted: %v", booted)
	return n.Distinct
}
