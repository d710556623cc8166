// Package sets says which Debian packages a board's images are made of. It names sets and knows no versions: those are in pin's lock.
package sets

import (
	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/build/pin"
	"github.com/proa-os/proa/build/pin/debian"
)

// Boot is the boot loaders of a board's architecture; none where the board brings its own chain.
func Boot(b boards.Board) (pin.Set, bool) {
	for kind := range b.Boot {
		if b.Chains(kind).Packaged() {
			return debian.Boot(pin.DebianArch(b.Arch)), true
		}
	}
	return pin.Set{}, false
}

// Firmware is the packages with a board's own firmware.
func Firmware(b boards.Board) (pin.Set, bool) {
	return debian.Firmware(pin.DebianArch(b.Arch), b.Firmware.Packages), len(b.Firmware.Packages) > 0
}

// Kernel is the board's kernel.
func Kernel(b boards.Board) pin.Set {
	return debian.Kernel(pin.DebianArch(b.Arch), b.Kernel.Package, b.Kernel.Suite)
}

// Modules are the packages that modules of ours are compiled with on a host; nothing of them is in an image.
func Modules(host string, b boards.Board) []pin.Set {
	if len(b.SlotChains().Modules()) == 0 {
		return nil
	}
	return []pin.Set{debian.Headers(Kernel(b)), debian.Kbuild(host, Kernel(b))}
}

// Slot are the packages that a slot is made of: no boot loaders.
func Slot(b boards.Board) []pin.Set {
	return []pin.Set{Kernel(b), Root(b)}
}

// Root is the packages that a board's root image takes files of.
func Root(b boards.Board) pin.Set {
	if b.Radio() {
		return debian.RootWithRadio(pin.DebianArch(b.Arch), b.WiFi.Packages)
	}
	return debian.Root(pin.DebianArch(b.Arch))
}

// All are the packages that a board's images are made of.
func All(b boards.Board) []pin.Set {
	list := Slot(b)
	if s, ok := Boot(b); ok {
		list = append(list, s)
	}
	if s, ok := Firmware(b); ok {
		list = append(list, s)
	}
	return list
}
