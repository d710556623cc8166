package data

import (
	"os"
	"runtime"
	"unsafe"

	"github.com/proa-os/proa/images/layout"
	"golang.org/x/sys/unix"
)

// blkpgArg and blkpgPartition are structs of <linux/blkpg.h>. The kernel refuses to read the whole table again
// (BLKRRPART) while the root is mounted from the same disk, so the new partition is added alone.
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
	if errno != 0 && (op != blkpgAdd || errno != unix.EBUSY) { // EBUSY: the kernel knows it already
		return errno
	}
	return nil
}
