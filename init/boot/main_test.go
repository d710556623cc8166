package boot

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// ownMounts is set in the environment of the test process once it has a mount namespace of its own.
const ownMounts = "PROA_TEST_OWN_MOUNTS"

// TestMain executes the test program again in a mount namespace of its own, so that tests may mount over /boot. A
// namespace of one thread would not do, because steps run on other threads. Without the permission the tests that need
// it are skipped.
func TestMain(m *testing.M) {
	if os.Getenv(ownMounts) == "" {
		if err := withOwnMounts(); err != nil && !errors.Is(err, unix.EPERM) {
			fmt.Fprintln(os.Stderr, "mount namespace:", err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

func withOwnMounts() error {
	runtime.LockOSThread() // execve makes this thread the process
	defer runtime.UnlockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNS | unix.CLONE_FS); err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	return syscall.Exec(exe, os.Args, append(os.Environ(), ownMounts+"=1"))
}
