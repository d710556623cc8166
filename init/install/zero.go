package install

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// zeroOut calls BLKZEROOUT, whose argument is start and length in bytes (linux/fs.h).
func zeroOut(fd uintptr, at, n int64) error {
	span := [2]uint64{uint64(at), uint64(n)}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, fd, unix.BLKZEROOUT, uintptr(unsafe.Pointer(&span)))
	if errno != 0 {
		return errno
	}
	return nil
}
