package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Sync writes out what the kernel holds for all file systems, and waits for it (sync(2)).
func (Linux) Sync() { unix.Sync() }

// SignalAll sends a signal to every process but PID 1 and the caller. ESRCH: there is none (kill(2), pid -1).
func (Linux) SignalAll(sig unix.Signal) error { return unix.Kill(-1, sig) }

// CatchCtrlAltDel has the kernel send SIGINT to PID 1 for ctrl-alt-del, instead of restarting at once (reboot(2)).
func (Linux) CatchCtrlAltDel() error { return unix.Reboot(unix.LINUX_REBOOT_CMD_CAD_OFF) }

// PowerOff switches the machine off at once, without writing anything out.
func (Linux) PowerOff() error { return unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF) }

// Restart restarts the machine at once, without writing anything out. It hands argument to the kernel's drivers, and by them to firmware
// that takes one; "" is none. A kernel that knows nothing to do with it restarts all the same.
func (Linux) Restart(argument string) error {
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
