package install

import (
	"errors"
	"io"
	"os"

	"github.com/proa-os/proa/images/sparse"
	"golang.org/x/sys/unix"
)

// Device is a disk.
type Device interface {
	sparse.ReadWriterAt
	Size() (int64, error)
	Zero(at, n int64) error // makes n bytes zero
	Sync() error
	Drop() error // flushes, and drops what the kernel has cached, so that reads are from the medium
	Close() error
}

// Open opens a disk exclusively: the kernel refuses one that is mounted or part of something else (open(2), O_EXCL of a
// block device). A regular file may stand for a disk.
func Open(path string) (Device, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	flags := os.O_RDWR
	if st.Mode()&os.ModeDevice != 0 {
		flags |= unix.O_EXCL
	}
	f, err := os.OpenFile(path, flags, 0)
	if errors.Is(err, unix.EBUSY) {
		return nil, errors.Join(errors.New(path+" is in use"), err)
	}
	if err != nil {
		return nil, err
	}
	return &block{File: f, file: st.Mode().IsRegular()}, nil
}

type block struct {
	*os.File
	file bool
}

func (b *block) Size() (int64, error) { return b.Seek(0, io.SeekEnd) }

// Zero lets the disk do it if it can; otherwise the kernel writes zeros (blkdev_issue_zeroout).
func (b *block) Zero(at, n int64) error {
	if b.file {
		return unix.Fallocate(int(b.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, at, n)
	}
	return zeroOut(b.Fd(), at, n)
}

// Close lets the kernel read the new partition table. It may be busy, which matters to nobody: the machine restarts.
func (b *block) Close() error {
	if !b.file {
		_ = unix.IoctlSetInt(int(b.Fd()), unix.BLKRRPART, 0)
	}
	return b.File.Close()
}

func (b *block) Drop() error {
	if err := b.Sync(); err != nil {
		return err
	}
	if b.file {
		return unix.Fadvise(int(b.Fd()), 0, 0, unix.FADV_DONTNEED)
	}
	return unix.IoctlSetInt(int(b.Fd()), unix.BLKFLSBUF, 0)
}
