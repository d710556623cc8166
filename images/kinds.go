// Package images says which kinds of image there are. What lies in each is in the packages beneath.
package images

// Kind is one thing a user can flash, boot or install.
type Kind struct {
	Name string
	File string // extension of the output
	What string
	Mode string // value of proa.mode on its kernel command line
	Slot string // value of proa.slot, where there are slots
}

// Kinds is the table.
func Kinds() []Kind {
	return []Kind{
		{"iso", ".iso", "live system: CD or USB disk, BIOS and UEFI", "live", ""},
		{"disk", ".img", "raw disk with two slots: BIOS and UEFI", "disk", "a"},
	}
}
