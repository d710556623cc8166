// Package gpt writes, reads and extends GUID partition tables over go-diskfs. GUIDs are passed in, so
// the same table is the same bytes, and the backup is written and flushed before the primary, so that
// a power cut leaves one of them whole. It knows 512-byte sectors only, and does not merge: a disk
// whose primary and backup tables are both damaged is an error.
package gpt

import (
	"crypto/sha256"
	"fmt"
	"math"
	"strings"

	"github.com/diskfs/go-diskfs/partition/gpt"
	"github.com/google/uuid"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/mbr"
	"github.com/proa-os/proa/images/sparse"
)

// Disk is what a table is written to: an image file or a block device.
type Disk = sparse.ReadWriterAt

// GUIDs names the identity of a disk and of each partition by its GPT name.
type GUIDs struct {
	Disk       string
	Partitions map[string]string
}

// Derive makes the GUIDs of a table out of a seed, so that an image needs no randomness.
func Derive(seed string, t layout.Table) GUIDs {
	ids := GUIDs{DeriveGUID(seed, "disk"), map[string]string{}}
	for _, p := range t {
		ids.Partitions[p.Name] = DeriveGUID(seed, "partition", p.Name)
	}
	return ids
}

// DeriveGUID is a GUID of version 8 ("vendor-specific") over the hash of the names.
func DeriveGUID(names ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(names, "\x00")))
	var u uuid.UUID
	copy(u[:], sum[:])
	u[6] = u[6]&0x0f | 0x80
	u[8] = u[8]&0x3f | 0x80
	return strings.ToUpper(u.String())
}

// Write writes both headers, both arrays and the protective MBR entry; the MBR's boot code is left
// alone, but a disk without any gets the signature.
func Write(d Disk, size int64, t layout.Table, ids GUIDs) error {
	table := &gpt.Table{GUID: ids.Disk, ProtectiveMBR: true, LogicalSectorSize: layout.Sector, PhysicalSectorSize: layout.Sector}
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
	return write(d, size, table)
}

// write corrects what go-diskfs says of disks above 2 TiB in the protective MBR: the field has 32 bits, and
// "more than fits" is all ones.
func write(d Disk, size int64, table *gpt.Table) error {
	if err := table.Write(sparse.NewWindow(d, 0, size), size); err != nil {
		return fmt.Errorf("gpt: %w", err)
	}
	if size/layout.Sector-1 <= math.MaxUint32 {
		return nil
	}
	_, err := d.WriteAt([]byte{0xff, 0xff, 0xff, 0xff}, protectiveSize)
	return err
}

// protectiveSize is the offset of the first MBR entry's number of sectors.
const protectiveSize = mbr.Table + mbr.SectorsAt

func entry(p layout.Partition, guid string) *gpt.Partition {
	return &gpt.Partition{
		Index: p.Index, Name: p.Name, Type: gpt.Type(p.Type), GUID: guid,
		Start: p.FirstLBA(), End: p.LastLBA(), Size: uint64(p.Size),
	}
}

// Read returns the table of a disk of size bytes. A partition that is none of proa's has no Role.
func Read(d Disk, size int64) (layout.Table, GUIDs, error) {
	table, err := gpt.Read(sparse.NewWindow(d, 0, size), layout.Sector, layout.Sector)
	if err != nil {
		return nil, GUIDs{}, fmt.Errorf("gpt: %w", err)
	}
	ids := GUIDs{Disk: table.GUID, Partitions: map[string]string{}}
	var t layout.Table
	for _, p := range table.Partitions {
		role, slot := layout.ByName(p.Name)
		t = append(t, layout.Partition{
			Index: p.Index, Role: role, Slot: slot, Name: p.Name, Type: string(p.Type),
			Start: int64(p.Start) * layout.Sector, Size: int64(p.Size),
		})
		ids.Partitions[p.Name] = p.GUID
	}
	return t, ids, nil
}

// Append adds partition p (layout.Table.Rest made it) to the table of a disk of size bytes, and moves the
// backup table to the real end of the disk: a flashed image ends long before the card does.
func Append(d Disk, size int64, p layout.Partition, guid string) error {
	w := sparse.NewWindow(d, 0, size)
	table, err := gpt.Read(w, layout.Sector, layout.Sector)
	if err != nil {
		return fmt.Errorf("gpt: %w", err)
	}
	for _, q := range table.Partitions {
		if q.Index == p.Index || q.Name == p.Name || q.Start <= p.LastLBA() && p.FirstLBA() <= q.End {
			return fmt.Errorf("gpt: %s is in the way of %s", q.Name, p.Name)
		}
	}
	table.ProtectiveMBR = true // its size field changes with the disk
	table.Resize(uint64(size))
	if p.LastLBA() > table.LastDataSector() {
		return fmt.Errorf("gpt: %s ends behind the disk", p.Name)
	}
	table.Partitions = append(table.Partitions, entry(p, guid))
	hybrid, err := isHybrid(d)
	if err != nil {
		return fmt.Errorf("gpt: %w", err)
	}
	if hybrid {
		d = keepMBR{d}
	}
	return write(d, size, table)
}
