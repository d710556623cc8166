package shutdown

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// restart hands argument to the kernel's drivers, and by them to firmware that takes one. A kernel that knows nothing to do with it
// restarts all the same.
func restart(argument string) error {
	if argument == "" {
		return unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART)
	}
	text, err := unix.BytePtrFromString(argument)
	if err != nil {
		return err
	}
	_, _, errno := unix.Syscall6(unix.SYS_REBOOT, unix.LINUX_REBOOT_MAGIC1, unix.LINUX_REBOOT_MAGIC2, unix.LINUX_REBOOT_CMD_RESTART2,
		uintptr(unsafe.Pointer(text)), 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}
