// Package sys is the interface for privileged calls: every change that init makes to the machine goes through Sys, so
// that a test can record the calls and compare them with a golden file. Only main creates a Linux and passes it on to
// every package (a law in build/laws).
package sys

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/proa-os/proa/images/atomicfile"
	"golang.org/x/sys/unix"
)

// Sys changes the machine. Reads do not use it.
type Sys interface {
	Mount(source, target, fstype string, flags uintptr, data string) error
	Unmount(target string, flags int) error
	MkdirAll(path string, perm os.FileMode) error
	WriteFile(path string, data []byte, perm os.FileMode) error
	Symlink(target, path string) error
	Mknod(path string, mode uint32, dev uint64) error
	Chown(path string, uid, gid int, mode uint32) error
	OwnDir(path string, uid, gid int, adopt bool) error
	MountIn(source, dir, name string) error
	LoadModule(path, params string) error
	SetHostname(name string) error
	SetClock(t time.Time) error
	AdjustClock(tx *unix.Timex) error
	SetRlimit(resource int, soft, hard uint64) error
	Run(ctx context.Context, argv ...string) (string, error)
	SwitchRoot(root string, argv []string) error
	PivotRoot(root string) error
	Exec(argv []string) error

	SwapOn(path string, priority int) error
	SwapOff(path string) error

	Sync()
	SignalAll(sig unix.Signal) error
	CatchCtrlAltDel() error
	Restart(argument string) error
	PowerOff() error
}

// Runner starts a command and waits for it. PID 1 passes its own, because there waiting must not race with reaping.
type Runner func(ctx context.Context, argv ...string) (string, error)

// Linux makes the real system calls.
type Linux struct{ Runner Runner }

func (Linux) Mount(source, target, fstype string, flags uintptr, data string) error {
	err := unix.Mount(source, target, fstype, flags, data)
	switch {
	case err == nil:
		return nil
	case flags&unix.MS_REMOUNT != 0 && flags&unix.MS_RDONLY != 0:
		return fmt.Errorf("remount %s read-only: %w", target, err)
	case flags&unix.MS_REMOUNT != 0:
		return fmt.Errorf("remount %s writable: %w", target, err)
	}
	return fmt.Errorf("mount %s on %s: %w", fstype, target, err)
}

func (Linux) Unmount(target string, flags int) error {
	if err := unix.Unmount(target, flags); err != nil {
		return fmt.Errorf("unmount %s: %w", target, err)
	}
	return nil
}

func (Linux) MkdirAll(path string, perm os.FileMode) error { return os.MkdirAll(path, perm) }

// WriteFile replaces a regular file by an atomic write: readers, and a machine after a power cut, see the old or the
// new content. A file with the same content is not written, so that a full disk is no error then. Files of the kernel
// (proc, sys, dev) cannot be renamed over and are written in place.
func (Linux) WriteFile(path string, data []byte, perm os.FileMode) error {
	if strings.HasPrefix(path, "/proc/") || strings.HasPrefix(path, "/sys/") || strings.HasPrefix(path, "/dev/") {
		return os.WriteFile(path, data, perm)
	}
	_, err := atomicfile.WriteIfChanged(path, data, perm)
	return err
}

func (Linux) Symlink(target, path string) error {
	if have, err := os.Readlink(path); err == nil && have == target {
		return nil
	}
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return err
	}
	return os.Symlink(target, path)
}

// Mknod creates a device node with exactly that mode. An existing one is not changed.
func (Linux) Mknod(path string, mode uint32, dev uint64) error {
	err := unix.Mknod(path, mode, int(dev))
	if errors.Is(err, unix.EEXIST) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("make device %s: %w", path, err)
	}
	return os.Chmod(path, os.FileMode(mode)&os.ModePerm) // the umask has removed some bits
}

// Chown sets the owner, then the mode, because a change of owner clears the set-uid bit.
func (Linux) Chown(path string, uid, gid int, mode uint32) error {
	if err := os.Chown(path, uid, gid); err != nil {
		return err
	}
	return unix.Chmod(path, mode)
}

func (Linux) LoadModule(path, params string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.FinitModule(int(f.Fd()), params, 0); err != nil && err != unix.EEXIST {
		return fmt.Errorf("load %s: %w", filepath.Base(path), err)
	}
	return nil
}

func (Linux) SetHostname(name string) error { return unix.Sethostname([]byte(name)) }

func (Linux) SetClock(t time.Time) error {
	tv := unix.NsecToTimeval(t.UnixNano())
	return unix.Settimeofday(&tv)
}

// AdjustClock slews the clock or sets its state in the kernel (adjtimex(2)).
func (Linux) AdjustClock(tx *unix.Timex) error {
	_, err := unix.Adjtimex(tx)
	return err
}

func (Linux) SetRlimit(resource int, soft, hard uint64) error {
	return unix.Setrlimit(resource, &unix.Rlimit{Cur: soft, Max: hard})
}

// Run returns the command's output; on failure the error has its last line, where programs print the cause.
func (l Linux) Run(ctx context.Context, argv ...string) (string, error) {
	if l.Runner != nil {
		return l.Runner(ctx, argv...)
	}
	out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput()
	return string(out), err
}

// SwitchRoot makes root the root of the mount tree, frees the memory of the old one and executes argv. It returns only
// on failure.
func (Linux) SwitchRoot(root string, argv []string) error {
	for _, dir := range []string{"/dev", "/proc", "/sys", "/run"} {
		if err := unix.Mount(dir, root+dir, "", unix.MS_MOVE, ""); err != nil {
			return fmt.Errorf("move %s: %w", dir, err)
		}
	}
	old, err := os.Open("/")
	if err != nil {
		return err
	}
	if err := os.Chdir(root); err != nil {
		return err
	}
	if err := unix.Mount(".", "/", "", unix.MS_MOVE, ""); err != nil {
		return fmt.Errorf("move %s to /: %w", root, err)
	}
	if err := unix.Chroot("."); err != nil {
		return fmt.Errorf("chroot: %w", err)
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	emptyOld(old)
	return fmt.Errorf("exec %s: %w", argv[0], unix.Exec(argv[0], argv, os.Environ()))
}

// emptyOld deletes the files of the initramfs, which would otherwise use memory until power-off. Errors only cost
// memory and are ignored. Other file systems are not entered.
func emptyOld(old *os.File) {
	defer old.Close()
	var st unix.Stat_t
	if unix.Fstat(int(old.Fd()), &st) == nil {
		emptyDir(int(old.Fd()), st.Dev)
	}
}

func emptyDir(fd int, dev uint64) {
	dup, err := unix.Openat(fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	dir := os.NewFile(uintptr(dup), "old root")
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	for _, name := range names {
		var st unix.Stat_t
		if unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW) != nil || st.Dev != dev {
			continue
		}
		if st.Mode&unix.S_IFMT != unix.S_IFDIR {
			unix.Unlinkat(fd, name, 0)
			continue
		}
		if sub, err := unix.Openat(fd, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0); err == nil {
			emptyDir(sub, dev)
			unix.Close(sub)
		}
		unix.Unlinkat(fd, name, unix.AT_REMOVEDIR)
	}
}
