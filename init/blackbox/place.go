// Package blackbox writes and reads the black box on the device. It asks the kernel which sectors the file occupies
// (FIBMAP), and writes these bypassing the file system. So the partition is never mounted writable for it, no FAT
// metadata changes, and a power cut during a trial leaves a clean file system. It refuses sectors whose content differs
// from the file's. Its errors never stop a boot.
package blackbox

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"unsafe"

	box "github.com/proa-os/proa/images/blackbox"
	"github.com/proa-os/proa/images/layout"
	"golang.org/x/sys/unix"
)

// Place is the location of the black box on the disk. Stage 1 passes it to stage 2.
type Place struct {
	Device string  `json:"device"` // block device of the boot partition
	At     []int64 `json:"at"`     // offset of each sector
}

// Find finds the file's sectors, and verifies that the device has the file's content there.
func Find(file, device string) (Place, error) {
	p := Place{Device: device}
	f, err := os.OpenFile(file, os.O_RDONLY|direct, 0) // O_DIRECT: the page cache may be older than what was written to the device
	if err != nil {
		return p, err
	}
	defer f.Close()
	content := aligned(box.Size)
	if _, err := io.ReadFull(f, content); err != nil {
		return p, fmt.Errorf("%s: want %d bytes: %w", file, box.Size, err)
	}
	for i := range box.Sectors {
		at, err := sectorOf(f, int64(i))
		if err != nil {
			return p, fmt.Errorf("%s: sector %d: %w", file, i, err)
		}
		p.At = append(p.At, at)
	}
	raw, err := p.Read()
	if err == nil && !bytes.Equal(raw, content) {
		err = fmt.Errorf("%s does not lie on %s where the kernel says", file, device)
	}
	return p, err
}

// ioctls of <linux/fs.h>; FIBMAP maps a block number of the file to one of the device.
const (
	ioctlBlockOf   = 1
	ioctlBlockSize = 2
)

func sectorOf(f *os.File, sector int64) (int64, error) {
	size := int32(0)
	if err := ioctl(f, ioctlBlockSize, &size); err != nil {
		return 0, err
	}
	if size < layout.Sector {
		return 0, fmt.Errorf("blocks of %d bytes", size)
	}
	at := sector * layout.Sector
	block := int32(at / int64(size))
	if err := ioctl(f, ioctlBlockOf, &block); err != nil {
		return 0, err
	}
	if block <= 0 {
		return 0, errors.New("not on the disk")
	}
	return int64(block)*int64(size) + at%int64(size), nil
}

func ioctl(f *os.File, request uintptr, value *int32) error {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), request, uintptr(unsafe.Pointer(value)))
	runtime.KeepAlive(value)
	if errno != 0 {
		return errno
	}
	return nil
}

// direct bypasses the page cache, which would read and write whole pages: a write is one sector.
const direct = unix.O_DIRECT | unix.O_DSYNC

// Read returns the content of all sectors.
func (p Place) Read() ([]byte, error) {
	if len(p.At) != box.Sectors {
		return nil, errors.New("location on the disk unknown")
	}
	f, err := os.OpenFile(p.Device, os.O_RDONLY|direct, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	sector, out := aligned(layout.Sector), []byte(nil)
	for i, at := range p.At {
		if _, err := f.ReadAt(sector, at); err != nil {
			return nil, fmt.Errorf("read sector %d: %w", i, err)
		}
		out = append(out, sector...)
	}
	return out, nil
}

// write overwrites one sector; it is on the medium when write returns.
func (p Place) write(i int, text []byte) error {
	if len(p.At) != box.Sectors || i < 0 || i >= len(p.At) || len(text) != layout.Sector {
		return errors.New("location on the disk unknown")
	}
	f, err := os.OpenFile(p.Device, os.O_WRONLY|direct, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	sector := aligned(layout.Sector)
	copy(sector, text)
	if _, err := f.WriteAt(sector, p.At[i]); err != nil {
		return err
	}
	return f.Sync() // flushes the disk's cache too
}

// aligned returns memory aligned for O_DIRECT on every controller.
func aligned(size int) []byte {
	const page = 4096
	b := make([]byte, page+size)
	skip := page - int(uintptr(unsafe.Pointer(&b[0]))%page)
	return b[skip : skip+size : skip+size]
}

// Put writes one record and returns the new content of the black box.
func (p Place) Put(r box.Record) (box.Box, error) {
	raw, err := p.Read()
	if err != nil {
		return box.Box{}, err
	}
	b := box.Parse(raw)
	i, text := b.Put(r)
	return b, p.write(i, text)
}
