package sudo

import (
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// credentials returns who has connected. A process in a container can have the uid of an administrator, by its image's
// choice, and the socket, by a volume: it is refused, because it does not see this machine's files (namespaces(7)).
func credentials(c *net.UnixConn) (cred unix.Ucred, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return cred, err
	}
	var got *unix.Ucred
	var inner error
	pidfd := -1
	if err := raw.Control(func(fd uintptr) {
		got, inner = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
		if p, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PEERPIDFD); err == nil { // Linux 6.5
			pidfd = p
		}
	}); err != nil {
		return cred, err
	}
	if inner != nil {
		return cred, inner
	}
	if pidfd >= 0 {
		defer unix.Close(pidfd)
	}
	return *got, outside(got.Pid, pidfd)
}

// outside returns an error for a process that is not in the namespaces of this one. The PID is the peer's as long as the
// pidfd (-1: not known) says that it has not ended.
func outside(pid int32, pidfd int) error {
	for _, kind := range []string{"mnt", "user", "pid"} {
		own, err := os.Readlink("/proc/self/ns/" + kind)
		if err != nil {
			return err
		}
		theirs, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", pid, kind))
		switch {
		case err != nil:
			return errors.New("the process is gone")
		case own != theirs:
			return errors.New("permission denied: sudo is for logins, not for containers and other namespaces")
		}
	}
	if pidfd < 0 {
		return nil
	}
	poll := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
	if n, err := unix.Poll(poll, 0); err != nil || n != 0 {
		return errors.New("the process is gone")
	}
	return nil
}
