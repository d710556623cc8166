// Package disk writes whole disk images: partition table, boot partition, boot state, root slots and BIOS boot code. It
// leaves holes in unused space. It creates no data partition (the device does) and does not compress.
package disk

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"github.com/proa-os/proa/images/fat"
	"github.com/proa-os/proa/images/gpt"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/sparse"
	"github.com/proa-os/proa/images/tree"
)

// Contents is the content of the partitions.
type Contents struct {
	Seed string       // GUIDs and the FAT serial number are derived from it
	When time.Time    // modification time of the files in the boot partition
	Boot []tree.Entry // bootfs.Files
	// SlotBoot are the slots' own boot partitions, on boards that have them (bootfs.Tryboot); a missing one is created
	// empty.
	SlotBoot map[layout.Slot][]tree.Entry
	Root     map[layout.Slot]tree.Content // EROFS image followed by its verity tree; a missing slot stays zero
	GRUB     *GRUB                        // nil: no BIOS boot
	Raw      []Raw                        // blobs that a boot ROM reads at fixed offsets

	Hybrid bool // the MBR has an entry for the boot partition too

	// State is the initial content of the state partition; nil: zeros, and the first slot that is marked good writes
	// it.
	State []byte
}

// Raw is a blob between the partition table and the first partition, where gpt.Spare bytes must stay free.
type Raw struct {
	At    int64
	Bytes []byte
}

// GRUB has boot.img (one sector) and core.img as grub-mkimage makes them.
type GRUB struct{ BootImg, CoreImg []byte }

// Image is the output of Write: an empty (sparse) file opened for reading and writing.
type Image = sparse.ReadWriterAt

// Progress is called with the number of bytes written; it may be nil.
type Progress func(done, total int64)

// Write writes an image of size bytes (layout.Spec.ImageSize).
func Write(img Image, size int64, t layout.Table, c Contents, progress Progress) error {
	w := &writer{img: img, table: t, progress: progress}
	for _, root := range c.Root {
		w.total += root.Size
	}
	// The table is written last: an incomplete image has none and does not boot.
	if err := w.boot(c); err != nil {
		return fmt.Errorf("disk: %w", err)
	}
	for _, slot := range layout.Slots() {
		if root, ok := c.Root[slot]; ok {
			if err := w.root(slot, root); err != nil {
				return fmt.Errorf("disk: root %s: %w", slot, err)
			}
		}
	}
	if c.State != nil {
		if err := w.state(c.State); err != nil {
			return fmt.Errorf("disk: state: %w", err)
		}
	}
	if err := w.raw(c.Raw); err != nil {
		return fmt.Errorf("disk: %w", err)
	}
	if c.GRUB != nil {
		if err := w.grub(*c.GRUB); err != nil {
			return fmt.Errorf("disk: %w", err)
		}
	}
	if err := gpt.Write(img, size, t, gpt.Derive(c.Seed, t)); err != nil {
		return fmt.Errorf("disk: %w", err)
	}
	if c.Hybrid {
		return gpt.Hybrid(img, t)
	}
	return nil
}

type writer struct {
	img         Image
	table       layout.Table
	progress    Progress
	done, total int64
}

func (w *writer) boot(c Contents) error {
	for slot := range c.SlotBoot {
		if p, err := w.table.Find(layout.Boot, slot); err != nil || p.Slot != slot {
			return fmt.Errorf("slot %s has no boot partition of its own", slot)
		}
	}
	for _, p := range w.table {
		if p.Role != layout.Boot {
			continue
		}
		files, seed := c.Boot, c.Seed
		if p.Slot != layout.Shared {
			files, seed = c.SlotBoot[p.Slot], c.Seed+"\x00"+p.Name
		}
		if err := fat.Write(w.img, p.Start, fat.Spec{Size: p.Size, Label: p.Label, ID: serial(seed), When: c.When, Files: files}); err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
	}
	return nil
}

// serial returns a FAT volume serial number that differs between images, and between the partitions of one image.
func serial(seed string) uint32 {
	sum := sha256.Sum256([]byte("fat\x00" + seed))
	return binary.LittleEndian.Uint32(sum[:])
}

func (w *writer) root(slot layout.Slot, c tree.Content) error {
	p, err := w.table.Find(layout.Root, slot)
	if err != nil {
		return err
	}
	if c.Size > p.Size {
		return fmt.Errorf("%d bytes do not fit into the slot's %d", c.Size, p.Size)
	}
	return c.CopyTo(&holes{w: w, off: p.Start})
}

// gptEnd is the end of the primary GPT: MBR, header and 128 entries of 128 bytes.
const gptEnd = 34 * layout.Sector

// raw writes the blobs. It refuses one that overlaps the partition table, the spare place for a changing table, or
// another blob.
func (w *writer) raw(list []Raw) error {
	free, stop := int64(gptEnd), w.table[0].Start-gpt.Spare
	for _, r := range list {
		if end := r.At + int64(len(r.Bytes)); r.At < free || end > stop {
			return fmt.Errorf("no room for %d bytes at %d: free is %d to %d", len(r.Bytes), r.At, free, stop)
		}
		if _, err := w.img.WriteAt(r.Bytes, r.At); err != nil {
			return err
		}
		free = r.At + int64(len(r.Bytes))
	}
	return nil
}

func (w *writer) state(b []byte) error {
	p, err := w.table.Find(layout.State, layout.Shared)
	if err != nil {
		return err
	}
	if int64(len(b)) > p.Size {
		return fmt.Errorf("%d bytes do not fit into the partition's %d", len(b), p.Size)
	}
	_, err = w.img.WriteAt(b, p.Start)
	return err
}

// holes is a sequential writer that skips blocks of zeros.
type holes struct {
	w   *writer
	off int64
}

func (h *holes) Write(b []byte) (int, error) {
	if !sparse.IsZero(b) {
		if _, err := h.w.img.WriteAt(b, h.off); err != nil {
			return 0, err
		}
	}
	h.off += int64(len(b))
	h.w.done += int64(len(b))
	if h.w.progress != nil {
		h.w.progress(h.w.done, h.w.total)
	}
	return len(b), nil
}

var _ io.Writer = (*holes)(nil)
