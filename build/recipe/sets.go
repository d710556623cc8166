package recipe

import (
	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/build/pin"
)

// BootSet is the boot loaders of a board's architecture; none where the board brings its own chain.
func BootSet(b boards.Board) (pin.Set, bool) {
	for _, boot := range b.Boot {
		if boot.UEFI != "" || boot.BIOS != "" {
			return pin.Boot(DebianArch(b.Arch)), true
		}
	}
	return pin.Set{}, false
}

// FirmwareSet is the packages with a board's own firmware.
func FirmwareSet(b boards.Board) (pin.Set, bool) {
	return pin.Firmware(DebianArch(b.Arch), b.Firmware.Packages), len(b.Firmware.Packages) > 0
}

// KernelSet is the board's kernel.
func KernelSet(b boards.Board) pin.Set {
	return pin.Kernel(DebianArch(b.Arch), b.Kernel.Package, b.Kernel.Suite)
}

// ModuleSets are the packages that modules of ours are compiled with on a host; nothing of them is in an image.
func ModuleSets(host string, b boards.Board) []pin.Set {
	if len(Modules(b)) == 0 {
		return nil
	}
	return []pin.Set{pin.Headers(KernelSet(b)), pin.Kbuild(host, KernelSet(b))}
}

// SlotSets are the packages that a slot is made of: no boot loaders.
func SlotSets(b boards.Board) []pin.Set {
	return []pin.Set{KernelSet(b), RootSet(b)}
}

// RootSet is the packages that a board's root image takes files of.
func RootSet(b boards.Board) pin.Set {
	if b.Radio() {
		return pin.RootWithRadio(DebianArch(b.Arch), b.WiFi.Packages)
	}
	return pin.Root(DebianArch(b.Arch))
}

// Sets are the packages that a board's images are made of.
func Sets(b boards.Board) []pin.Set {
	list := SlotSets(b)
	if s, ok := BootSet(b); ok {
		list = append(list, s)
	}
	if s, ok := FirmwareSet(b); ok {
		list = append(list, s)
	}
	return list
}
