package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Sync writes all dirty data of all file systems and waits for it (sync(2)).
func (Linux) Sync() { unix.Sync() }

// SignalAll sends a signal to every process but PID 1 and the caller. ESRCH: there is none (kill(2), pid -1).
func (Linux) SignalAll(sig unix.Signal) error { return unix.Kill(-1, sig) }

// CatchCtrlAltDel makes the kernel send SIGINT to PID 1 for ctrl-alt-del, instead of restarting at once (reboot(2)).
func (Linux) CatchCtrlAltDel() error { return unix.Reboot(unix.LINUX_REBOOT_CMD_CAD_OFF) }

// PowerOff powers the machine off at once, without a sync.
func (Linux) PowerOff() error { return unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF) }

// Restart restarts the machine at once, without a sync. It passes argument to the kernel's restart handlers, and
// through them to firmware that takes one; "" is none. Other kernels restart without it.
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
