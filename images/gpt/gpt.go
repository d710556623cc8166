// Package gpt writes, reads and changes GUID partition tables with go-diskfs. GUIDs are passed in, so the same table
// gives the same bytes. A table is changed atomically by the write of one sector: whenever the power fails, the kernel,
// sgdisk and U-Boot find the old table or the new one (settle.go). It supports 512-byte sectors and arrays of 128
// entries only. If primary and backup differ, the primary is in force while it is valid; a disk on which both are
// damaged is an error.
package gpt

import (
	"crypto/sha256"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/diskfs/go-diskfs/partition/gpt"
	"github.com/google/uuid"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/mbr"
	"github.com/proa-os/proa/images/sparse"
)

// Disk is the image file or block device that has the table. If it has a method Sync, as files do, that is called
// wherever the order of writes matters.
type Disk = sparse.ReadWriterAt

// GUIDs are the GUIDs of the disk and of each partition by its GPT name.
type GUIDs struct {
	Disk       string
	Partitions map[string]string
}

// Derive derives the GUIDs of a table from a seed, so that an image needs no randomness.
func Derive(seed string, t layout.Table) GUIDs {
	ids := GUIDs{DeriveGUID(seed, "disk"), map[string]string{}}
	for _, p := range t {
		ids.Partitions[p.Name] = DeriveGUID(seed, "partition", p.Name)
	}
	return ids
}

// DeriveGUID returns a GUID of version 8 ("vendor-specific") made from the hash of the names.
func DeriveGUID(names ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(names, "\x00")))
	var u uuid.UUID
	copy(u[:], sum[:])
	u[6] = u[6]&0x0f | 0x80
	u[8] = u[8]&0x3f | 0x80
	return strings.ToUpper(u.String())
}

// Write writes the table of a new image: both headers, both arrays and the protective MBR entry. The MBR's boot code is
// kept, and the signature is written if it is missing. Use Append, Resize and SetBlank to change an existing table.
func Write(d Disk, size int64, t layout.Table, ids GUIDs) error {
	table := &gpt.Table{GUID: ids.Disk, LogicalSectorSize: layout.Sector, PhysicalSectorSize: layout.Sector}
	if ids.Disk == "" {
		return fmt.Errorf("gpt: the disk has no GUID")
	}
	for _, p := range t {
		guid := ids.Partitions[p.Name]
		if guid == "" {
			return fmt.Errorf("gpt: partition %s has no GUID", p.Name)
		}
		table.Partitions = append(table.Partitions, entry(p, guid))
	}
	if err := write(d, size, table); err != nil {
		return fmt.Errorf("gpt: %w", err)
	}
	return nil
}

// write serialises the table and corrects the protective MBR entry on disks above 2 TiB: the size field has 32 bits,
// all ones for a larger disk.
func write(d Disk, size int64, table *gpt.Table) error {
	table.ProtectiveMBR = true
	if err := table.Write(sparse.NewWindow(d, 0, size), size); err != nil {
		return err
	}
	if size/layout.Sector-1 <= math.MaxUint32 {
		return nil
	}
	_, err := d.WriteAt([]byte{0xff, 0xff, 0xff, 0xff}, protectiveSize)
	return err
}

// protectiveSize is the offset of the size field in the first MBR entry.
const protectiveSize = mbr.Table + mbr.SectorsAt

// blank is the attribute bit of a partition that is not formatted yet. Bits 48 to 63 are defined by the owner of the
// partition's type (UEFI Specification 2.10, table 5-8); `sgdisk -A N:set:48` sets it by hand.
const blank = 1 << 48

func entry(p layout.Partition, guid string) *gpt.Partition {
	e := &gpt.Partition{
		Index: p.Index, Name: p.Name, Type: gpt.Type(p.Type), GUID: guid,
		Start: p.FirstLBA(), End: p.LastLBA(), Size: uint64(p.Size),
	}
	if p.Blank {
		e.Attributes = blank
	}
	return e
}

// Read returns the table of a disk of size bytes. Partitions that are not proa's have no Role.
func Read(d Disk, size int64) (layout.Table, GUIDs, error) {
	found, err := find(d, size)
	if err != nil {
		return nil, GUIDs{}, fmt.Errorf("gpt: %w", err)
	}
	table, err := found.decode(size)
	if err != nil {
		return nil, GUIDs{}, fmt.Errorf("gpt: %w", err)
	}
	ids := GUIDs{Disk: table.GUID, Partitions: map[string]string{}}
	var t layout.Table
	for _, p := range table.Partitions {
		role, slot := layout.ByName(p.Name)
		t = append(t, layout.Partition{
			Index: p.Index, Role: role, Slot: slot, Name: p.Name, Type: string(p.Type),
			Start: int64(p.Start) * layout.Sector, Size: int64(p.Size), Blank: p.Attributes&blank != 0,
		})
		ids.Partitions[p.Name] = p.GUID
	}
	return t, ids, nil
}

// Append adds partition p (from layout.Table.Rest) to the table of a disk of size bytes.
func Append(d Disk, size int64, p layout.Partition, guid string) error {
	return change(d, size, func(t *gpt.Table) error {
		for _, q := range t.Partitions {
			if q.Index == p.Index || q.Name == p.Name {
				return fmt.Errorf("%s overlaps %s", q.Name, p.Name)
			}
		}
		t.Partitions = append(t.Partitions, entry(p, guid))
		return fits(t, p)
	})
}

// Resize sets the size of partition p in the table; its start does not change.
func Resize(d Disk, size int64, p layout.Partition) error {
	return edit(d, size, p, func(t *gpt.Table, q *gpt.Partition) error {
		q.End, q.Size = p.LastLBA(), uint64(p.Size)
		return fits(t, p)
	})
}

// SetBlank sets whether partition p is not formatted yet. When it returns without an error, primary and backup GPT say
// so.
func SetBlank(d Disk, size int64, p layout.Partition) error {
	return edit(d, size, p, func(_ *gpt.Table, q *gpt.Partition) error {
		q.Attributes &^= blank
		if p.Blank {
			q.Attributes |= blank
		}
		return nil
	})
}

// edit changes the entry of p, which must match p in name and start.
func edit(d Disk, size int64, p layout.Partition, f func(*gpt.Table, *gpt.Partition) error) error {
	return change(d, size, func(t *gpt.Table) error {
		i := slices.IndexFunc(t.Partitions, func(q *gpt.Partition) bool { return q.Index == p.Index })
		if i < 0 || t.Partitions[i].Name != p.Name || t.Partitions[i].Start != p.FirstLBA() {
			return fmt.Errorf("partition %d is not %s at sector %d", p.Index, p.Name, p.FirstLBA())
		}
		return f(t, t.Partitions[i])
	})
}

func fits(t *gpt.Table, p layout.Partition) error {
	for _, q := range t.Partitions {
		if q.Index != p.Index && q.Start <= p.LastLBA() && p.FirstLBA() <= q.End {
			return fmt.Errorf("%s overlaps %s", q.Name, p.Name)
		}
	}
	if p.LastLBA() > t.LastDataSector() {
		return fmt.Errorf("%s ends beyond the end of the disk", p.Name)
	}
	return nil
}
