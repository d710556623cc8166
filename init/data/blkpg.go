package data

import (
	"os"
	"runtime"
	"unsafe"

	"github.com/proa-os/proa/images/layout"
	"golang.org/x/sys/unix"
)

// blkpgArg and blkpgPartition are the structs of <linux/blkpg.h>. Re-reading the whole table (BLKRRPART) is
// refused while the root lies on the same disk, so the kernel is told of the one new partition.
type blkpgArg struct {
	op, flags, length int32
	data              unsafe.Pointer
}

type blkpgPartition struct {
	start, length int64
	number        int32
	_             [64 + 64 + 4]byte
}

const (
	blkpgAdd    = 1
	blkpgResize = 3
)

func tellKernel(disk *os.File, p layout.Partition, op int32) error {
	part := blkpgPartition{start: p.Start, length: p.Size, number: int32(p.Index)}
	arg := blkpgArg{op: op, length: int32(unsafe.Sizeof(part)), data: unsafe.Pointer(&part)}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, disk.Fd(), unix.BLKPG, uintptr(unsafe.Pointer(&arg)))
	runtime.KeepAlive(&part)
	if errno != 0 && (op != blkpgAdd || errno != unix.EBUSY) { // busy: it is known already
		return errno
	}
	return nil
}
