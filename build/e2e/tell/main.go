// Command tell is an init that loads /proa_tryboot.ko, looks for the symbol by which proa detects it, and restarts with
// the argument that requests a trial boot from Raspberry Pi's firmware.
package main

import (
	"bytes"
	"fmt"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/images/tryboot"
)

func main() {
	if err := tell(); err != nil {
		fmt.Println("tell:", err)
	}
	for {
		time.Sleep(time.Hour) // PID 1 never exits
	}
}

func tell() error {
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	module, err := os.Open("/proa_tryboot.ko")
	if err != nil {
		return err
	}
	if err := unix.FinitModule(int(module.Fd()), "", 0); err != nil {
		return fmt.Errorf("load %s: %w", module.Name(), err)
	}
	symbols, err := os.ReadFile("/proc/kallsyms")
	if err != nil {
		return err
	}
	fmt.Println("tell: known by its symbol:", bytes.Contains(symbols, []byte(" proa_tryboot_notify\t[proa_tryboot]\n")))
	argument, err := unix.BytePtrFromString(tryboot.Restart)
	if err != nil {
		return err
	}
	_, _, errno := unix.Syscall6(unix.SYS_REBOOT, unix.LINUX_REBOOT_MAGIC1, unix.LINUX_REBOOT_MAGIC2, unix.LINUX_REBOOT_CMD_RESTART2,
		uintptr(unsafe.Pointer(argument)), 0, 0)
	return fmt.Errorf("restart: %w", errno)
}
