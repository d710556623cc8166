package flash

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/images/disks"
)

// medium is a disk or file that an image is written to.
type medium interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Size() int64
	Zero(at, n int64) error     // the range reads as zero afterwards
	Flush() error               // flush to the medium
	Settle() error              // Flush, and drop the page cache
	Uncached() (*reader, error) // reader that bypasses the page cache
	Reread() bool               // make the kernel read the new partition table; false if it cannot
}

// device is a block device or a regular file.
type device struct {
	*os.File
	size  int64
	block bool
}

// openTarget opens a disk exclusively (O_EXCL): the kernel then refuses to mount it, and the open fails if the disk is
// in use in a way that /sys does not show.
func openTarget(t disks.Target) (medium, error) {
	flags := os.O_RDWR
	if !t.File {
		flags |= unix.O_EXCL
	}
	f, err := os.OpenFile(t.Path, flags, 0)
	if errors.Is(err, unix.EBUSY) {
		return nil, fmt.Errorf("%s is in use, but the kernel does not say by what (ZFS, another program)", t.Disk.Name)
	}
	if err != nil {
		return nil, err
	}
	if err := same(f, t); err != nil {
		f.Close() // nothing was written
		return nil, err
	}
	return &device{File: f, size: t.Disk.Size, block: !t.File}, nil
}

// same verifies that the opened device is the one that was checked: a stick may have been exchanged since.
func same(f *os.File, t disks.Target) error {
	st, err := f.Stat()
	if err != nil {
		return err
	}
	if t.File {
		if !st.Mode().IsRegular() || st.Size() != t.Disk.Size {
			return fmt.Errorf("%s has changed since it was checked", t.Path)
		}
		return nil
	}
	dev, err := disks.Number(st)
	if err != nil {
		return err
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err == nil && (dev != t.Disk.Dev || size != t.Disk.Size) {
		err = fmt.Errorf("%s is not the disk that was checked", t.Path)
	}
	return err
}

// writable checks permissions before anything that takes long.
func writable(path string) error {
	err := unix.Access(path, unix.W_OK)
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%s: %w\nhint: `sudo chown \"$USER\" %s` lets you write it until it is unplugged; nothing else needs root", path, err, path)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func (d *device) Size() int64 { return d.size }

// Zero uses the kernel's or the disk's own operation, and otherwise writes zeros.
func (d *device) Zero(at, n int64) error {
	var err error
	if d.block {
		span := [2]uint64{uint64(at), uint64(n)}
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, d.Fd(), unix.BLKZEROOUT, uintptr(unsafe.Pointer(&span)))
		if errno == 0 {
			return nil
		}
		err = errno
	} else {
		err = unix.Fallocate(int(d.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, at, n)
	}
	if err == nil {
		return nil
	}
	for zeros := make([]byte, chunk); n > 0; {
		b := zeros[:min(n, chunk)]
		if _, err := d.WriteAt(b, at); err != nil {
			return err
		}
		at, n = at+int64(len(b)), n-int64(len(b))
	}
	return nil
}

func (d *device) Flush() error { return cause(d.Sync()) }

func (d *device) Settle() error {
	if err := d.Flush(); err != nil {
		return err
	}
	// Only clean pages are dropped, so this comes after Flush. If a file system keeps them, the verification is only
	// weaker.
	_ = unix.Fadvise(int(d.Fd()), 0, 0, unix.FADV_DONTNEED)
	return nil
}

// Uncached reads with O_DIRECT where that is supported, and otherwise relies on Settle.
func (d *device) Uncached() (*reader, error) {
	if err := d.Settle(); err != nil {
		return nil, err
	}
	// Anonymous memory is page-aligned, as O_DIRECT needs. It is one chunk and is not freed.
	buf, err := unix.Mmap(-1, 0, chunk, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return nil, err
	}
	return &reader{&direct{d.File}, buf}, nil
}

// direct sets O_DIRECT for the duration of each read, so that other users of the file are not affected.
type direct struct{ f *os.File }

func (d *direct) ReadAt(b []byte, at int64) (int, error) {
	fd := d.f.Fd()
	flags, err := unix.FcntlInt(fd, unix.F_GETFL, 0)
	if err != nil {
		return 0, err
	}
	if _, err := unix.FcntlInt(fd, unix.F_SETFL, flags|unix.O_DIRECT); err != nil {
		return d.f.ReadAt(b, at)
	}
	n, err := d.f.ReadAt(b, at)
	if _, failed := unix.FcntlInt(fd, unix.F_SETFL, flags); failed != nil {
		return n, failed
	}
	if errors.Is(err, unix.EINVAL) { // it refuses O_DIRECT at read time
		return d.f.ReadAt(b, at)
	}
	return n, err
}

// Reread needs root. It comes last, because a desktop mounts partitions as soon as they appear.
func (d *device) Reread() bool {
	return !d.block || unix.IoctlSetInt(int(d.Fd()), unix.BLKRRPART, 0) == nil
}

// cause strips operation and path of an os error: the caller adds both.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
