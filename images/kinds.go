// Package images says which kinds of image there are. What lies in each is in the packages beneath, which
// have no clock, no randomness and start no programs: values in, bytes out.
package images

// Kind is one thing a user can boot, flash or install.
type Kind struct {
	Name string // in board.yaml and on the command line
	File string // extension of the output
	What string // for people
	Mode string // proa.mode on its kernel command line
}

// Slot is the kind that nothing boots by itself: it is written by a device that was flashed before.
const Slot = "slot"

// Kinds is the table.
func Kinds() []Kind {
	return []Kind{
		{"iso", ".iso", "live system for CD or USB disk, BIOS and UEFI", "live"},
		{"disk", ".img", "raw disk with two slots", "disk"},
		{"sd", ".img.zst", "SD card with two slots, compressed", "disk"},
		{Slot, ".slot", "everything of one slot, for a device that runs: proa slot write", "disk"},
	}
}
