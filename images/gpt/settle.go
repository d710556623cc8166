package gpt

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/diskfs/go-diskfs/partition/gpt"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/mbr"
)

// Spare is the number of free bytes needed before the first partition: during a change the new entries are written
// there, and also the new backup GPT if the last partition leaves no room for it at the end of the disk.
const Spare = (entrySectors + copySectors) * layout.Sector

const copySectors = entrySectors + 1

// Repair brings the partition table into its normal form: the primary GPT restored from the backup if it is damaged, a
// valid and equal backup GPT at the end of the disk, and an MBR entry that makes the kernel look for a GPT. Nothing is
// written to a disk that is in order; done describes the repair, empty if there was none.
func Repair(d Disk, size int64) (done string, err error) {
	_, first := load(d, size, primaryLBA)
	log := &writes{Disk: d}
	if err := change(log, size, func(*gpt.Table) error { return nil }); err != nil || log.n == 0 {
		return "", err
	}
	if first != nil {
		return fmt.Sprintf("the partition table was restored from the backup GPT: %v", first), nil
	}
	return "the backup GPT at the end of the disk was rewritten", nil
}

// Check returns why the kernel sees no partitions: the primary GPT is damaged, or no MBR entry makes the kernel look
// for one (block/partitions/efi.c, find_valid_gpt).
func Check(d Disk, size int64) error {
	record := make([]byte, layout.Sector)
	if _, err := d.ReadAt(record, 0); err != nil {
		return fmt.Errorf("gpt: MBR: %w", err)
	}
	if kinds := mbr.Types(record); !signed(record) || !slices.Contains(kinds[:], mbr.Protective) {
		return errors.New("gpt: the MBR has no protective entry")
	}
	if _, err := load(d, size, primaryLBA); err != nil {
		return fmt.Errorf("gpt: %w", err)
	}
	return nil
}

func signed(record []byte) bool { return record[510] == 0x55 && record[511] == 0xaa }

// writes counts the writes.
type writes struct {
	Disk
	n int
}

func (w *writes) WriteAt(b []byte, off int64) (int, error) {
	w.n++
	return w.Disk.WriteAt(b, off)
}

func (w *writes) Sync() error { return flush(w.Disk) }

func flush(d Disk) error {
	if s, ok := d.(interface{ Sync() error }); ok {
		return s.Sync()
	}
	return nil
}

// change reads the table, calls f to change it and writes it to the disk atomically. It first brings the old table into
// its normal form: if the write of the primary header is torn, there is a valid backup GPT at the end of the disk.
func change(d Disk, size int64, f func(*gpt.Table) error) error {
	size = settled(d, size)
	for _, edit := range []func(*gpt.Table) error{func(*gpt.Table) error { return nil }, f} {
		if err := once(d, size, edit); err != nil {
			return fmt.Errorf("gpt: %w", err)
		}
	}
	return nil
}

func once(d Disk, size int64, f func(*gpt.Table) error) error {
	found, err := find(d, size)
	if err != nil {
		return err
	}
	t, err := found.decode(size)
	if err != nil {
		return err
	}
	if err := f(t); err != nil {
		return err
	}
	want, record, err := encode(t, size)
	if err != nil {
		return err
	}
	if err := settle(d, size, want, spare(t, size)); err != nil {
		return err
	}
	if err := protect(d, record); err != nil {
		return fmt.Errorf("protective MBR: %w", err)
	}
	return nil
}

// spare returns free places for a table: before the first partition, and after the last one if there is room for a
// second backup GPT.
func spare(t *gpt.Table, size int64) places {
	first, end := bounds(t)
	s := places{entries: first - Spare/layout.Sector, copy: lastLBA(size) - copySectors}
	if s.copy-entrySectors < end {
		s.copy = first - 1
	}
	return s
}

// settle writes want to the normal places: entries from sector 2, the backup GPT at the end. What is in use now, the
// primary header, its entries and its backup, is never overwritten: if want belongs there, it is written to the spare
// places first. One write of one sector, the primary header, then switches to the new table atomically. In a second
// round the normal places are free.
func settle(d Disk, size int64, want raw, spare places) error {
	for range 3 {
		used, err := inUse(d, size)
		if err != nil {
			return err
		}
		at := normal(size)
		if want.over(d, size, at, used) {
			if at = spare; at.entries < normalEntries+entrySectors || want.over(d, size, at, used) {
				return fmt.Errorf("less than %d bytes are free before the first partition", Spare)
			}
		}
		if err := want.move(d, size, at); err != nil {
			return err
		}
		if at == normal(size) {
			return nil
		}
	}
	return errors.New("the table cannot be moved to its place")
}

// over says whether writing r at these places would overwrite sectors that are in use.
func (r raw) over(d Disk, size int64, at places, used extents) bool {
	_, c := r.at(at)
	return !holds(d, at.entries, r.entries) && used.overlap(at.entries, entrySectors) ||
		!c.isCopy(d, size, at.copy) && used.overlap(at.copy-entrySectors, copySectors)
}

// move writes the entries and the backup GPT if they differ, flushes, and then writes the primary header.
func (r raw) move(d Disk, size int64, at places) error {
	first, c := r.at(at)
	if !c.isCopy(d, size, at.copy) {
		if err := c.put(d); err != nil {
			return err
		}
	}
	if !holds(d, at.entries, r.entries) {
		if _, err := d.WriteAt(r.entries, at.entries*layout.Sector); err != nil {
			return err
		}
	}
	if err := flush(d); err != nil {
		return err
	}
	if holds(d, primaryLBA, first.header) {
		return nil
	}
	if _, err := d.WriteAt(first.header, primaryLBA*layout.Sector); err != nil {
		return err
	}
	return flush(d)
}

// isCopy says whether the backup GPT with its header at lba is already r.
func (r raw) isCopy(d Disk, size, lba int64) bool {
	have, err := load(d, size, lba)
	return err == nil && bytes.Equal(have.header, r.header)
}

func holds(d Disk, lba int64, want []byte) bool {
	have := make([]byte, len(want))
	_, err := d.ReadAt(have, lba*layout.Sector)
	return err == nil && bytes.Equal(have, want)
}

// extents are runs of sectors: first sector and count.
type extents [][2]int64

func (x extents) overlap(lba, n int64) bool {
	for _, e := range x {
		if e[0] < lba+n && lba < e[0]+e[1] {
			return true
		}
	}
	return false
}

// inUse returns the sectors of the copy of the GPT that is in force, and those of the other copy if it is valid.
func inUse(d Disk, size int64) (extents, error) {
	r, err := find(d, size)
	if err != nil {
		return nil, err
	}
	used := extents{{r.lba(mineAt), 1}, {r.lba(entriesAt), entrySectors}}
	if r.lba(mineAt) != primaryLBA {
		return used, nil
	}
	if c, err := load(d, size, r.lba(otherAt)); err == nil {
		used = append(used, [2]int64{c.lba(mineAt), 1}, [2]int64{c.lba(entriesAt), entrySectors})
	}
	return used, nil
}

// protect writes the protective MBR entry, whose size changes with the disk. A hybrid MBR is left alone: it does not
// depend on the size, and a boot ROM must find it at any time.
func protect(d Disk, want []byte) error {
	have := make([]byte, layout.Sector)
	if _, err := d.ReadAt(have, 0); err != nil {
		return err
	}
	if signed(have) && hybrid(have) || bytes.Equal(have[mbr.Table:], want[mbr.Table:]) {
		return nil
	}
	if _, err := d.WriteAt(want[mbr.Table:], mbr.Table); err != nil {
		return err
	}
	return flush(d)
}
