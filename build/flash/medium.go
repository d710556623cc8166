package flash

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/build/flash/disks"
)

// medium is what an image is written to.
type medium interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Size() int64
	Zero(at, n int64) error     // these bytes read as zero from now on
	Flush() error               // to the medium
	Settle() error              // Flush, and forget what memory still holds of it
	Uncached() (*reader, error) // of the medium's own bytes
	Reread() bool               // the host takes note of the new partitions; false if it does not
}

// device is a block device or a regular file.
type device struct {
	*os.File
	size  int64
	block bool
}

// openTarget takes a disk exclusively: the kernel then refuses to mount it, and refuses us if anybody holds it in a
// way that /sys does not tell.
func openTarget(t disks.Target) (medium, error) {
	flags := os.O_RDWR
	if !t.File {
		flags |= unix.O_EXCL
	}
	f, err := os.OpenFile(t.Path, flags, 0)
	if errors.Is(err, unix.EBUSY) {
		return nil, fmt.Errorf("%s is in use by something that the kernel does not name (ZFS, another program)", t.Disk.Name)
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

// same makes sure that what was opened is what was looked at: a stick may have been changed for another since.
func same(f *os.File, t disks.Target) error {
	st, err := f.Stat()
	if err != nil {
		return err
	}
	if t.File {
		if !st.Mode().IsRegular() || st.Size() != t.Disk.Size {
			return fmt.Errorf("%s has changed since it was looked at", t.Path)
		}
		return nil
	}
	dev, err := disks.Number(st)
	if err != nil {
		return err
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err == nil && (dev != t.Disk.Dev || size != t.Disk.Size) {
		err = fmt.Errorf("%s is another disk than the one that was looked at", t.Path)
	}
	return err
}

// writable is asked before anything that takes long.
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

// Zero lets the kernel or the disk do it; what neither can is written.
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
	// Only clean pages are dropped, so this stands behind Flush. A file system that keeps them costs nothing but the proof.
	_ = unix.Fadvise(int(d.Fd()), 0, 0, unix.FADV_DONTNEED)
	return nil
}

// Uncached reads with O_DIRECT where there is such a thing, and otherwise what Settle has made memory forget.
func (d *device) Uncached() (*reader, error) {
	if err := d.Settle(); err != nil {
		return nil, err
	}
	// Anonymous memory begins at a page, which suits every disk; it is never given back, one chunk is no matter.
	buf, err := unix.Mmap(-1, 0, chunk, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return nil, err
	}
	return &reader{&direct{d.File}, buf}, nil
}

// direct switches O_DIRECT on for each read, so that nobody else meets it.
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
	if errors.Is(err, unix.EINVAL) { // it promised more than it can do
		return d.f.ReadAt(b, at)
	}
	return n, err
}

// Reread needs root. It comes last: a desktop mounts partitions as soon as it sees them.
func (d *device) Reread() bool {
	return !d.block || unix.IoctlSetInt(int(d.Fd()), unix.BLKRRPART, 0) == nil
}

// cause leaves out the operation and path that os puts in front: the caller says both.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
