// Package writelog reads the log of all writes and flushes of a disk that QEMU's block driver blklogwrites writes, in the
// format of Linux's dm-log-writes (Documentation/admin-guide/device-mapper/log-writes.rst): a sector with a header, and
// then for each entry a sector that describes it, and its data.
//
// It refuses logs of another version or sector size, entries that reach beyond the end of the log or of the disk, and
// flags that it does not know. It does not write logs, and does not say what a power cut leaves: build/powercut does.
package writelog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// Sector is the only sector size that is read.
const Sector = 512

const (
	magic   = 0x6a736677736872
	version = 1

	flush   = 1
	fua     = 2
	discard = 4
	mark    = 8
)

// maxEntries limits the memory that a damaged header costs: a disk of 4 GiB written sector by sector.
const maxEntries = 8 << 20

// Kind is what an entry did to the disk.
type Kind string

// The kinds. A write with FUA is a Write: that it is durable by itself makes no state impossible that is looked at. A
// mark is skipped.
const (
	Write   Kind = "write"
	Flush   Kind = "flush"
	Discard Kind = "discard"
)

// Entry is one operation of the guest.
type Entry struct {
	Kind Kind
	At   int64 // offset on the disk in bytes
	Size int64 // bytes on the disk
	Data int64 // offset of the data in the log; only of a Write
	Head int64 // offset of the entry itself in the log: whatever was logged later lies behind it
}

// Open reads the entries of a log file of a disk of diskSize bytes. The file can be read while QEMU runs, but the number
// of entries in its header is then too small.
func Open(path string, diskSize int64) ([]Entry, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return Read(f, st.Size(), diskSize)
}

// Read reads the entries of a log of size bytes.
func Read(r io.ReaderAt, size, diskSize int64) ([]Entry, error) {
	b := make([]byte, Sector)
	if _, err := r.ReadAt(b, 0); err != nil {
		return nil, fmt.Errorf("write log: header: %w", noEOF(err))
	}
	le := binary.LittleEndian
	entries := le.Uint64(b[16:])
	switch {
	case le.Uint64(b) != magic:
		return nil, errors.New("write log: no log of dm-log-writes")
	case le.Uint64(b[8:]) != version || le.Uint32(b[24:]) != Sector:
		return nil, fmt.Errorf("write log: version %d with sectors of %d bytes", le.Uint64(b[8:]), le.Uint32(b[24:]))
	case entries > maxEntries || int64(entries) > size/Sector:
		return nil, fmt.Errorf("write log: %d entries in %d bytes", entries, size)
	}
	list := make([]Entry, 0, entries)
	for n, at := uint64(0), int64(Sector); n < entries; n++ {
		if _, err := r.ReadAt(b, at); err != nil {
			return nil, fmt.Errorf("write log: entry %d: %w", n, noEOF(err))
		}
		made, next, err := parse(b, at, size, diskSize)
		if err != nil {
			return nil, fmt.Errorf("write log: entry %d: %w", n, err)
		}
		list, at = append(list, made...), next
	}
	return list, nil
}

// parse returns the operations of the entry at an offset, in the order in which they take effect: a write that also
// flushes does so first. next is the offset of the entry behind it.
func parse(b []byte, at, size, diskSize int64) (list []Entry, next int64, err error) {
	le := binary.LittleEndian
	sector, sectors, flags, length := le.Uint64(b), le.Uint64(b[8:]), le.Uint64(b[16:]), le.Uint64(b[24:])
	if flags&^uint64(flush|fua|discard|mark) != 0 {
		return nil, 0, fmt.Errorf("unknown flags %#x", flags)
	}
	stored := sectors
	if flags&mark != 0 {
		stored = length / Sector
		if length%Sector > 0 {
			stored++
		}
	} else if disk := uint64(diskSize / Sector); sector > disk || sectors > disk-sector {
		return nil, 0, fmt.Errorf("%d sectors at %d reach beyond the end of a disk of %d bytes", sectors, sector, diskSize)
	}
	if flags&discard != 0 {
		stored = 0
	}
	if data := at + Sector; stored > uint64(size-data)/Sector {
		return nil, 0, fmt.Errorf("data of %d sectors reaches beyond the end of the log", stored)
	}
	e := Entry{Kind: Write, At: int64(sector) * Sector, Size: int64(sectors) * Sector, Data: at + Sector, Head: at}
	if flags&flush != 0 {
		list = append(list, Entry{Kind: Flush, Head: at})
	}
	if flags&discard != 0 {
		e.Kind, e.Data = Discard, 0
	}
	if flags&mark == 0 && sectors > 0 {
		list = append(list, e)
	}
	return list, at + Sector + int64(stored)*Sector, nil
}

// noEOF makes an error of an end that comes too soon.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
