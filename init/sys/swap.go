package sys

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// swapPrefer is SWAP_FLAG_PREFER, with the priority in the low bits (swapon(2)).
const swapPrefer = 0x8000

// SwapOn uses a device or file with a swap header for swapping. Of several, the one with the highest priority is filled
// first.
func (Linux) SwapOn(path string, priority int) error {
	return swap(unix.SYS_SWAPON, "use", path, swapPrefer|priority)
}

// SwapOff moves what is in a device or file back into memory, which may take long.
func (Linux) SwapOff(path string) error { return swap(unix.SYS_SWAPOFF, "stop using", path, 0) }

func swap(call uintptr, what, path string, flags int) error {
	name, err := unix.BytePtrFromString(path)
	if err != nil {
		return err
	}
	if _, _, errno := unix.Syscall(call, uintptr(unsafe.Pointer(name)), uintptr(flags), 0); errno != 0 {
		return fmt.Errorf("%s swap on %s: %w", what, path, errno)
	}
	return nil
}
