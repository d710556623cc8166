// Package layout defines the partitions: their roles, order, sizes and names. Fit computes the final offsets; no other
// package does arithmetic on them. It does no I/O and knows no boards: a board's sizes are passed in as a Spec.
package layout

import (
	"fmt"
	"slices"
)

// Version changes whenever Rows or their meaning change. A device keeps the table it was flashed with, so an upgrade
// for another version is refused.
const Version = 1

// Align is the partition alignment of boards whose medium has no erase blocks, and of the data partition, which init
// makes.
const Align = MiB

// Sector is the logical sector size; images are written for no other.
const Sector = 512

// MiB is a mebibyte in bytes.
const MiB = 1 << 20

// Role is the purpose of a partition.
type Role string

// The roles. Root has one partition per slot. So has Boot where the firmware itself chooses between partitions
// (tryboot), in addition to the one that both slots share.
const (
	BIOS Role = "bios" // GRUB's core image, where GRUB boots the board
	Boot Role = "boot" // FAT32: bootloaders, kernels, config.yaml, slot state
	// State is a raw partition for the boot state: where U-Boot starts the board, because its FAT driver writes
	// metadata, and where the firmware does, which stores no boot state itself.
	State Role = "state"
	Root  Role = "root" // read-only root image and its verity tree
	Data  Role = "data" // ext4; created by the device, never in an image
)

// Slot is one of the two copies of the system, which an upgrade replaces as a whole.
type Slot string

// The slots; Shared is for partitions that both slots use.
const (
	Shared Slot = ""
	A      Slot = "a"
	B      Slot = "b"
)

// Slots returns the slots in their order on the disk.
func Slots() []Slot { return []Slot{A, B} }

// Other returns the other slot, which an upgrade running in s may write.
func (s Slot) Other() Slot {
	switch s {
	case A:
		return B
	case B:
		return A
	}
	return Shared
}

// ParseSlot accepts only "a" and "b".
func ParseSlot(s string) (Slot, error) {
	if s == "a" || s == "b" {
		return Slot(s), nil
	}
	return Shared, fmt.Errorf("slot %q: want a or b", s)
}

// GPT partition types. Roots have the generic Linux type on purpose: other systems would mount the discoverable types
// automatically. The state partition is "Linux reserved" (util-linux, sgdisk 8301), so that no tool offers to format
// it; U-Boot's own type for its environment would make U-Boot write there (env/mmc.c).
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

// Partition is one partition with its final offset and size.
type Partition struct {
	Index       int // 1-based entry in the GPT
	Role        Role
	Slot        Slot
	Name        string // GPT name; init finds partitions by it
	Type        string // GPT type GUID
	Label       string // of the file system, if it has one
	Start, Size int64  // bytes
	Blank       bool   // data partition: created by the device, and not yet formatted
}

// FirstLBA and LastLBA are the inclusive bounds of a GPT entry.
func (p Partition) FirstLBA() uint64 { return uint64(p.Start / Sector) }
func (p Partition) LastLBA() uint64  { return uint64((p.Start+p.Size)/Sector) - 1 }

func (p Partition) String() string {
	return fmt.Sprintf("%d %-6s %-9s %9d..%-9d %5d MiB %s", p.Index, p.Name, p.Label, p.FirstLBA(), p.LastLBA(), p.Size/MiB, p.Type)
}

// Spec has the sizes that a board chooses.
type Spec struct {
	FirstLBA int64 // of the first partition; 2048, or 8192 where the medium erases 4 MiB blocks
	Align    int64 // bytes every partition starts at a multiple of
	BIOSSize int64 // 0: the board does not boot with GRUB
	BootSize int64
	// SlotBootSize is the size of each slot's own boot partition; 0: both slots share one.
	SlotBootSize int64
	StateSize    int64 // 0: the boot loader stores its boot state in files
	RootSize     int64 // of each slot
}

// rows returns the table without offsets, which Fit fills in. The FAT partitions are adjacent: Raspberry Pi's firmware
// does not reliably find one behind a partition of another type (raspberrypi/rpi-eeprom, issues 668 and 818).
func (s Spec) rows() []Partition {
	rows := []Partition{
		{Role: BIOS, Type: TypeBIOS, Size: s.BIOSSize},
		{Role: Boot, Type: TypeESP, Label: BootLabel, Size: s.BootSize},
		{Role: Boot, Slot: A, Type: TypeESP, Label: BootLabel + "-A", Size: s.SlotBootSize},
		{Role: Boot, Slot: B, Type: TypeESP, Label: BootLabel + "-B", Size: s.SlotBootSize},
		{Role: State, Type: TypeReserved, Size: s.StateSize},
		{Role: Root, Slot: A, Type: TypeLinux, Size: s.RootSize},
		{Role: Root, Slot: B, Type: TypeLinux, Size: s.RootSize},
	}
	for i, p := range rows {
		rows[i].Name = p.Role.Of(p.Slot)
	}
	return slices.DeleteFunc(rows, func(p Partition) bool {
		return p.Size == 0 && (p.Role == BIOS || p.Role == State || p.Role == Boot && p.Slot != Shared)
	})
}
