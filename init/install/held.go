package install

import (
	"bytes"
	"fmt"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/sparse"
)

// extent is a range of bytes.
type extent struct{ at, end int64 }

// held keeps in memory what makes a disk boot, until commit: MBR and partition table, the first sector of the boot
// partition, and the backup GPT. Everything else goes to the device.
type held struct {
	Device interface{ sparse.ReadWriterAt }
	disk   Device
	mem    *sparse.File
	// table, backup, boot and record are kept back, and written in the order backup, table, boot, record.
	table, backup, boot, record extent
}

func hold(d Device, size int64, t layout.Table) (*held, error) {
	boot, err := t.Find(layout.Boot, layout.Shared)
	if err != nil {
		return nil, err
	}
	const backup = 33 * layout.Sector // of the entries and the header (UEFI Specification 2.10, 5.3.1)
	return &held{Device: d, disk: d, mem: sparse.New(size),
		record: extent{0, layout.Sector}, table: extent{layout.Sector, t[0].Start},
		boot: extent{boot.Start, boot.Start + layout.Sector}, backup: extent{size - backup, size}}, nil
}

func (h *held) extents(keep bool) []extent {
	if keep {
		return []extent{h.boot, h.record} // the table on the disk has the data partition
	}
	return []extent{h.backup, h.table, h.boot, h.record}
}

// split calls f for each piece of a range that is kept back as a whole or not at all.
func (h *held) split(off, n int64, f func(kept bool, from, to int64) error) error {
	for at, end := off, off+n; at < end; {
		kept, to := false, end
		for _, e := range h.extents(false) {
			switch {
			case at >= e.at && at < e.end:
				kept, to = true, min(to, e.end)
			case e.at > at:
				to = min(to, e.at)
			}
		}
		if err := f(kept, at, to); err != nil {
			return err
		}
		at = to
	}
	return nil
}

// WriteAt implements io.WriterAt.
func (h *held) WriteAt(b []byte, off int64) (int, error) {
	err := h.split(off, int64(len(b)), func(kept bool, from, to int64) (err error) {
		if kept {
			_, err = h.mem.WriteAt(b[from-off:to-off], from)
		} else {
			_, err = h.Device.WriteAt(b[from-off:to-off], from)
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	return len(b), nil
}

// ReadAt implements io.ReaderAt.
func (h *held) ReadAt(b []byte, off int64) (int, error) {
	err := h.split(off, int64(len(b)), func(kept bool, from, to int64) (err error) {
		if kept {
			_, err = h.mem.ReadAt(b[from-off:to-off], from)
		} else {
			_, err = h.Device.ReadAt(b[from-off:to-off], from)
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	return len(b), nil
}

// clear makes zero what is kept back, the boot record first.
func (h *held) clear(keep bool) error {
	list := h.extents(keep)
	for i := len(list) - 1; i >= 0; i-- {
		e := list[i]
		if keep && e == h.record {
			e.end = bootCode // the kernel finds no table without the entries behind it
		}
		if err := h.put(make([]byte, e.end-e.at), e.at); err != nil {
			return fmt.Errorf("erase the boot record: %w", err)
		}
	}
	return nil
}

// bootCode is the end of the boot code in the MBR.
const bootCode = 440

// commit writes what was kept back.
func (h *held) commit(keep bool) error {
	for _, e := range h.extents(keep) {
		b := make([]byte, e.end-e.at)
		if _, err := h.mem.ReadAt(b, e.at); err != nil {
			return err
		}
		if err := h.put(b, e.at); err != nil {
			return fmt.Errorf("write at byte %d: %w", e.at, err)
		}
	}
	return nil
}

func (h *held) put(b []byte, at int64) error {
	if _, err := h.disk.WriteAt(b, at); err != nil {
		return err
	}
	return h.disk.Sync()
}

// check compares what commit has written.
func (h *held) check(keep bool) error {
	for _, e := range h.extents(keep) {
		want, have := make([]byte, e.end-e.at), make([]byte, e.end-e.at)
		if _, err := h.mem.ReadAt(want, e.at); err != nil {
			return err
		}
		if _, err := h.disk.ReadAt(have, e.at); err != nil {
			return fmt.Errorf("read at byte %d: %w", e.at, err)
		}
		if !bytes.Equal(have, want) {
			return fmt.Errorf("what was written at byte %d is not what is read there: the disk is defective", e.at)
		}
	}
	return nil
}
