// Package images lists the kinds of images. Their contents are made by the packages below it, which use no clock and no
// randomness and start no programs: values in, bytes out.
package images

// Kind is something a user can boot, flash or install.
type Kind struct {
	Name string // name in board.yaml and on the command line
	File string // extension of the output
	What string // description for users
	Mode string // OnDisk or Live
}

// Slot is the kind that is not booted itself: a flashed device writes it to its other slot.
const Slot = "slot"

// Modes of a system: proa.mode on its kernel command line.
const (
	OnDisk = "disk" // from a disk or card with slots
	Live   = "live" // from a CD or a USB disk that is not written to
)

// Kinds returns the table of kinds.
func Kinds() []Kind {
	return []Kind{
		{"iso", ".iso", "live system for CD or USB disk, BIOS and UEFI", Live},
		{"disk", ".img", "raw disk with two slots", OnDisk},
		{"sd", ".img.zst", "SD card with two slots, compressed", OnDisk},
		{Slot, ".slot", "slot file for an upgrade: written on a running device by proa slot write", OnDisk},
	}
}
