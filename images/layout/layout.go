// Package layout is the one place that knows partitions: which there are, in which order, how large,
// with which names. Fit returns finished numbers; nobody else adds or subtracts. It reads and writes
// nothing, and knows no board: a board's sizes come in as a Spec.
package layout

import (
	"fmt"
	"slices"
)

// Version changes whenever Rows or their meaning change. A device keeps the table it was flashed
// with, so an upgrade made for another version is refused.
const Version = 1

// Align is what images of boards whose medium has no erase blocks align to, and what init aligns data to.
const Align = MiB

// Sector is the only logical sector size images are written for.
const Sector = 512

// MiB is a mebibyte in bytes.
const MiB = 1 << 20

// Role says what a partition is for.
type Role string

// The roles. Root has one partition per slot; Boot as well where the firmware itself chooses between partitions (tryboot), beside
// the one that both share.
const (
	BIOS Role = "bios" // GRUB's core image, where GRUB boots the board
	Boot Role = "boot" // FAT32: bootloaders, kernels, config.yaml, slot state
	// State is raw: slot state where U-Boot starts the board, whose FAT driver moves metadata when it writes, and where the
	// firmware does, which keeps none.
	State Role = "state"
	Root  Role = "root" // read-only root image and its verity tree
	Data  Role = "data" // ext4; made by the device, never in an image
)

// Slot is one half of the disk that an upgrade replaces whole.
type Slot string

// The slots; Shared marks a partition both use.
const (
	Shared Slot = ""
	A      Slot = "a"
	B      Slot = "b"
)

// Slots in the order they lie on the disk.
func Slots() []Slot { return []Slot{A, B} }

// Other is the slot an upgrade running in s may write.
func (s Slot) Other() Slot {
	switch s {
	case A:
		return B
	case B:
		return A
	}
	return Shared
}

// ParseSlot accepts exactly "a" and "b".
func ParseSlot(s string) (Slot, error) {
	if s == "a" || s == "b" {
		return Slot(s), nil
	}
	return Shared, fmt.Errorf("slot %q: neither a nor b", s)
}

// GPT partition types. Roots carry the generic Linux type on purpose: the discoverable types would
// make other systems mount them by themselves. The state partition is "Linux reserved" (util-linux, sgdisk 8301) so that
// nobody offers to format it; U-Boot's own type for its environment would make U-Boot write there (env/mmc.c).
const (
	TypeESP      = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
	TypeBIOS     = "21686148-6449-6E6F-744E-656564454649"
	TypeLinux    = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
	TypeReserved = "8DA63339-0007-60C0-C436-083AC8230908"
)

// Labels of file systems. FAT labels have at most 11 letters.
const (
	BootLabel = "PROA-BOOT" // a slot's own: PROA-BOOT-A, PROA-BOOT-B
	DataLabel = "proa-data"
	ISOLabel  = "PROA"
)

// Partition is one row of the table with its numbers finished.
type Partition struct {
	Index       int // 1-based entry in the GPT
	Role        Role
	Slot        Slot
	Name        string // GPT name; init finds partitions by it
	Type        string // GPT type GUID
	Label       string // of the file system, if it has one
	Start, Size int64  // bytes
	Blank       bool   // data: made by the device, which has not finished a file system in it
}

// FirstLBA and LastLBA are the inclusive bounds a GPT entry holds.
func (p Partition) FirstLBA() uint64 { return uint64(p.Start / Sector) }
func (p Partition) LastLBA() uint64  { return uint64((p.Start+p.Size)/Sector) - 1 }

func (p Partition) String() string {
	return fmt.Sprintf("%d %-6s %-9s %9d..%-9d %5d MiB %s", p.Index, p.Name, p.Label, p.FirstLBA(), p.LastLBA(), p.Size/MiB, p.Type)
}

// Spec is what a board may choose.
type Spec struct {
	FirstLBA int64 // of the first partition; 2048, or 8192 where the medium erases 4 MiB blocks
	Align    int64 // bytes every partition starts at a multiple of
	BIOSSize int64 // 0: the board does not boot by GRUB
	BootSize int64
	// SlotBootSize is of each slot's own boot partition; 0: the slots share the one.
	SlotBootSize int64
	StateSize    int64 // 0: the boot loader keeps its state in files
	RootSize     int64 // of each slot
}

// rows is the table; Fit fills in the numbers. The FAT partitions lie side by side: Raspberry Pi's firmware does not reliably find
// one behind a partition of another kind (raspberrypi/rpi-eeprom, issues 668 and 818).
func (s Spec) rows() []Partition {
	rows := []Partition{
		{Role: BIOS, Name: "bios", Type: TypeBIOS, Size: s.BIOSSize},
		{Role: Boot, Name: "boot", Type: TypeESP, Label: BootLabel, Size: s.BootSize},
		{Role: Boot, Slot: A, Name: "boot-a", Type: TypeESP, Label: BootLabel + "-A", Size: s.SlotBootSize},
		{Role: Boot, Slot: B, Name: "boot-b", Type: TypeESP, Label: BootLabel + "-B", Size: s.SlotBootSize},
		{Role: State, Name: "state", Type: TypeReserved, Size: s.StateSize},
		{Role: Root, Slot: A, Name: "root-a", Type: TypeLinux, Size: s.RootSize},
		{Role: Root, Slot: B, Name: "root-b", Type: TypeLinux, Size: s.RootSize},
	}
	return slices.DeleteFunc(rows, func(p Partition) bool {
		return p.Size == 0 && (p.Role == BIOS || p.Role == State || p.Role == Boot && p.Slot != Shared)
	})
}
