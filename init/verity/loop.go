package verity

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Loop attaches a file read-only to a free loop device and returns the device's path. It is never detached: the live
// root stays on it.
func Loop(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	ctl, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return "", err
	}
	defer ctl.Close()
	n, err := unix.IoctlRetInt(int(ctl.Fd()), unix.LOOP_CTL_GET_FREE)
	if err != nil {
		return "", fmt.Errorf("free loop device: %w", err)
	}
	path := fmt.Sprintf("/dev/loop%d", n)
	dev, err := os.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return "", err
	}
	defer dev.Close()
	cfg := unix.LoopConfig{Fd: uint32(f.Fd()), Size: 4096, Info: unix.LoopInfo64{Flags: unix.LO_FLAGS_READ_ONLY}}
	if err := unix.IoctlLoopConfigure(int(dev.Fd()), &cfg); err != nil {
		return "", fmt.Errorf("attach %s to %s: %w", file, path, err)
	}
	return path, nil
}
