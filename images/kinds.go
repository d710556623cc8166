// Package images lists the kinds of images. Their contents are made by the packages below it, which use no clock and no
// randomness and start no programs: values in, bytes out.
package images

// Kind is something a user can boot, flash or install.
type Kind struct {
	Name string // name in board.yaml and on the command line
	File string // extension of the output
	What string // description for users
	Mode string // proa.mode on its kernel command line
}

// Slot is the kind that is not booted itself: a flashed device writes it to its other slot.
const Slot = "slot"

// Kinds returns the table of kinds.
func Kinds() []Kind {
	return []Kind{
		{"iso", ".iso", "live system for CD or USB disk, BIOS and UEFI", "live"},
		{"disk", ".img", "raw disk with two slots", "disk"},
		{"sd", ".img.zst", "SD card with two slots, compressed", "disk"},
		{Slot, ".slot", "slot file for an upgrade: written on a running device by proa slot write", "disk"},
	}
}
