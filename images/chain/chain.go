// Package chain is the table of boot chains, which is how a machine gets from its firmware to the kernel of a slot: who
// starts it, where it keeps its boot state, who counts the tries of a trial, which partitions and which files of a slot
// it needs, and how a running machine knows which chain started it. Boards, build, device and tests read these rows, so
// that none of them infers a chain from another property.
//
// The package does no I/O and writes no file. The formats are in images/grubenv, sdboot, uboot, tryboot and iso.
package chain

import (
	"slices"

	"github.com/proa-os/proa/images/grubenv"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/sdboot"
	"github.com/proa-os/proa/images/tryboot"
	"github.com/proa-os/proa/images/uboot"
)

// Names of the chains, as board.yaml has them.
const (
	Tryboot     = "tryboot"
	UBoot       = "u-boot"
	SystemdBoot = "systemd-boot"
	GRUB        = "grub"
	Isolinux    = "isolinux"
)

// Firmware is what starts a chain: the key of boot.KIND in board.yaml whose value is the chain's name.
type Firmware string

// The kinds of firmware.
const (
	UEFI Firmware = "uefi"
	BIOS Firmware = "bios"
	ROM  Firmware = "rom" // a board's own ROM or firmware
)

// State is where a chain keeps the boot state of the slots: which one is good, which is on trial, how many tries are
// left. The device has one implementation for each (init/slot).
type State string

// The places. InBoth: autoboot.txt names the good slot, the partition has the trial.
const (
	None        State = "" // a live image has no slots
	InEntries   State = "names of the files in " + sdboot.Dir
	InGrubenv   State = "files " + grubenv.Dir + "/env0, env1"
	InPartition State = "partition state"
	InBoth      State = tryboot.AutobootFile + ", partition state"
)

// Chain is one row.
type Chain struct {
	Name       string
	Firmware   Firmware
	Disk, Live bool // it starts disks and cards with slots; live images
	// State is where the boot state lies, and Counter who takes one from its tries when a trial is started.
	State   State
	Counter string
	// Partitions are the GPT names of the partitions it needs in addition to boot and the roots.
	Partitions []string
	// Mark are those partitions by which a running machine knows the chain; none: see On.
	Mark []string
	// OwnBoot: the files of each slot are at the top of a boot partition of its own, and not in layout.Slot.Dir of the
	// one that both share.
	OwnBoot bool
	// Starter is the file of a slot without which the chain does not start the slot; "" where that is systemd-boot's
	// entry, which is no file of the slot.
	Starter string
	// Naming are the files of a slot that name it, so that each slot has its own; all others are the same for both.
	Naming []string
	// Packaged: its boot loader comes from Debian's packages for the architecture. The files of all others are the
	// board's (board.yaml, firmware).
	Packaged bool
	// Module is a kernel module of proa's own that the chain needs; "": none.
	Module string
}

// Table returns all chains, in the order in which a running machine looks for them.
func Table() List {
	return List{
		{Name: Tryboot, Firmware: ROM, Disk: true, State: InBoth, Counter: "PID 1",
			Partitions: []string{layout.Boot.Of(layout.A), layout.Boot.Of(layout.B), layout.State.Of(layout.Shared)},
			Mark:       []string{layout.Boot.Of(layout.A), layout.Boot.Of(layout.B)}, OwnBoot: true,
			Starter: tryboot.ConfigFile, Naming: []string{tryboot.CmdlineFile}, Module: "proa_tryboot"},
		{Name: UBoot, Firmware: ROM, Disk: true, State: InPartition, Counter: uboot.ScriptFile,
			Partitions: []string{layout.State.Of(layout.Shared)}, Mark: []string{layout.State.Of(layout.Shared)},
			Starter: uboot.ScriptFile, Naming: []string{uboot.ScriptFile}},
		{Name: SystemdBoot, Firmware: UEFI, Disk: true, Live: true, State: InEntries, Counter: "systemd-boot",
			Packaged: true},
		{Name: GRUB, Firmware: BIOS, Disk: true, State: InGrubenv, Counter: grubenv.ConfigFile,
			Partitions: []string{layout.BIOS.Of(layout.Shared)},
			Starter:    grubenv.SlotFile, Naming: []string{grubenv.SlotFile}, Packaged: true},
		{Name: Isolinux, Firmware: BIOS, Live: true, Packaged: true},
	}
}

// Seen is what a machine sees of the way it was started.
type Seen struct {
	Partition func(name string) bool // whether the disk with the boot partition has one of that GPT name
	UEFI      bool                   // UEFI firmware started the kernel
}

// On returns the chain that started a machine from its disk: the first whose marks are there, then systemd-boot under
// UEFI, and GRUB. A disk for PCs has the files of both.
func On(s Seen) Chain {
	for _, c := range Table() {
		missing := func(name string) bool { return !s.Partition(name) }
		switch {
		case !c.Disk, len(c.Mark) > 0 && slices.ContainsFunc(c.Mark, missing), c.Firmware == UEFI && !s.UEFI:
		default:
			return c
		}
	}
	panic("BUG: the last chain for disks has a mark")
}
