package gpt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"

	"github.com/diskfs/go-diskfs/partition/gpt"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/sparse"
)

// Offsets in a GPT header (UEFI Specification 2.10, table 5-5), little endian.
const (
	headerSizeAt  = 12
	headerCRCAt   = 16
	mineAt        = 24 // LBA of this header (MyLBA)
	otherAt       = 32 // LBA of the other header (AlternateLBA)
	firstUsableAt = 40
	lastUsableAt  = 48
	entriesAt     = 72
	countAt       = 80
	entrySizeAt   = 84
	entriesCRCAt  = 88
	headerBytes   = 92
	entriesBytes  = 128 * 128
	entrySectors  = entriesBytes / layout.Sector
	primaryLBA    = 1
	normalEntries = 2
)

// raw is one copy of a GPT as stored on the disk: the sector of the header, and the partition entry array.
type raw struct{ header, entries []byte }

func (r raw) lba(at int) int64 { return int64(binary.LittleEndian.Uint64(r.header[at:])) }

// places are the first sector of the primary entry array and the sector of the backup header; the backup array lies
// directly before that.
type places struct{ entries, copy int64 }

func normal(size int64) places { return places{entries: normalEntries, copy: lastLBA(size)} }

// at returns the same table for these places: primary and backup. The usable sectors (FirstUsableLBA, LastUsableLBA)
// begin after the primary array and end before the backup, and are equal in both headers, as sgdisk verifies.
func (r raw) at(p places) (first, copy raw) {
	usable := [2]int64{p.entries + entrySectors, r.lba(lastUsableAt)}
	if last := p.copy - copySectors; last > usable[0] {
		usable[1] = last
	}
	return r.placed(primaryLBA, p.copy, p.entries, usable), r.placed(p.copy, primaryLBA, p.copy-entrySectors, usable)
}

func (r raw) placed(mine, other, entries int64, usable [2]int64) raw {
	h, le := bytes.Clone(r.header), binary.LittleEndian
	for at, lba := range map[int]int64{mineAt: mine, otherAt: other, entriesAt: entries, firstUsableAt: usable[0], lastUsableAt: usable[1]} {
		le.PutUint64(h[at:], uint64(lba))
	}
	le.PutUint32(h[headerCRCAt:], headerCRC(h))
	return raw{h, r.entries}
}

func headerCRC(header []byte) uint32 {
	h := bytes.Clone(header[:headerBytes])
	clear(h[headerCRCAt:][:4])
	return crc32.ChecksumIEEE(h)
}

// loadHeader reads a header and makes the checks that the kernel makes (block/partitions/efi.c, is_gpt_valid).
func loadHeader(d Disk, size, lba int64) (raw, error) {
	h, le := make([]byte, layout.Sector), binary.LittleEndian
	if lba < primaryLBA || lba > lastLBA(size) {
		return raw{}, fmt.Errorf("sector %d is not on the disk", lba)
	}
	if _, err := d.ReadAt(h, lba*layout.Sector); err != nil {
		return raw{}, err
	}
	switch r := (raw{header: h}); {
	case string(h[:8]) != "EFI PART":
		return raw{}, fmt.Errorf("no header at sector %d", lba)
	case le.Uint32(h[headerSizeAt:]) != headerBytes || le.Uint32(h[headerCRCAt:]) != headerCRC(h):
		return raw{}, fmt.Errorf("the header at sector %d is damaged", lba)
	case r.lba(mineAt) != lba:
		return raw{}, fmt.Errorf("the header at sector %d belongs to sector %d", lba, r.lba(mineAt))
	case le.Uint32(h[countAt:])*le.Uint32(h[entrySizeAt:]) != entriesBytes:
		return raw{}, fmt.Errorf("the array of the header at sector %d has not 128 entries of 128 bytes", lba)
	default:
		return r, nil
	}
}

// load reads the copy whose header is at lba.
func load(d Disk, size, lba int64) (raw, error) {
	r, err := loadHeader(d, size, lba)
	if err != nil {
		return raw{}, err
	}
	at := r.lba(entriesAt)
	if at < normalEntries || at > lastLBA(size)-entrySectors {
		return raw{}, fmt.Errorf("the entries of the header at sector %d are not on the disk", lba)
	}
	r.entries = make([]byte, entriesBytes)
	if _, err := d.ReadAt(r.entries, at*layout.Sector); err != nil {
		return raw{}, err
	}
	if crc32.ChecksumIEEE(r.entries) != binary.LittleEndian.Uint32(r.header[entriesCRCAt:]) {
		return raw{}, fmt.Errorf("the entries at sector %d are damaged", at)
	}
	return r, nil
}

// find returns the copy in force: the primary GPT, or if it is damaged the backup that it names, or the one at the end
// of the disk.
func find(d Disk, size int64) (raw, error) {
	r, err := load(d, size, primaryLBA)
	if err == nil {
		return r, nil
	}
	why := []error{err}
	places := []int64{lastLBA(size)}
	if h, err := loadHeader(d, size, primaryLBA); err == nil && h.lba(otherAt) != places[0] {
		places = append([]int64{h.lba(otherAt)}, places...)
	}
	for _, lba := range places {
		r, err := load(d, size, lba)
		if err == nil {
			return r, nil
		}
		why = append(why, err)
	}
	return raw{}, errors.Join(why...)
}

// settled returns the disk size that the table was written for. If a disk has grown by so little that the old backup
// GPT overlaps the place of the new one, the table is kept as it is and has no backup in the last sector.
func settled(d Disk, size int64) int64 {
	r, err := load(d, size, primaryLBA)
	if err != nil || r.lba(entriesAt) != normalEntries { // damaged, or in the middle of a change
		return size
	}
	if c := r.lba(otherAt); c < lastLBA(size) && c > lastLBA(size)-2*copySectors && r.lba(lastUsableAt) == c-copySectors {
		if _, err := load(d, size, c); err == nil {
			return (c + 1) * layout.Sector
		}
	}
	return size
}

func lastLBA(size int64) int64 { return size/layout.Sector - 1 }

// decode makes go-diskfs parse the table as that of a disk of size bytes.
func (r raw) decode(size int64) (*gpt.Table, error) {
	mem := sparse.New(size)
	first, _ := r.at(normal(size))
	if err := first.put(mem); err != nil {
		return nil, err
	}
	t, err := gpt.Read(mem, layout.Sector, layout.Sector)
	if err != nil {
		return nil, err
	}
	t.Resize(uint64(size))
	return t, nil
}

// encode makes go-diskfs serialise the table; record is sector 0 without boot code.
func encode(t *gpt.Table, size int64) (r raw, record []byte, err error) {
	mem := sparse.New(size)
	if err := write(mem, size, t); err != nil {
		return raw{}, nil, err
	}
	record = make([]byte, layout.Sector)
	if _, err := mem.ReadAt(record, 0); err != nil {
		return raw{}, nil, err
	}
	r, err = load(mem, size, primaryLBA)
	return r, record, err
}

// put writes entries and header at the sectors that the header names.
func (r raw) put(d Disk) error {
	if _, err := d.WriteAt(r.entries, r.lba(entriesAt)*layout.Sector); err != nil {
		return err
	}
	_, err := d.WriteAt(r.header, r.lba(mineAt)*layout.Sector)
	return err
}

// bounds returns the first sector of all partitions and the first one after the last partition.
func bounds(t *gpt.Table) (first, end int64) {
	first = math.MaxInt64
	for _, p := range t.Partitions {
		first, end = min(first, int64(p.Start)), max(end, int64(p.End)+1)
	}
	return first, end
}
