package verity

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// ReadThrough reads a program in a mounted root completely, so that every block of it is verified: a corrupt block in
// init would end PID 1 later, when a failover is no longer possible.
func ReadThrough(root, program string) error {
	dir, err := os.Open(root)
	if err != nil {
		return err
	}
	defer dir.Close()
	how := unix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT} // symbolic links are resolved within that root
	fd, err := unix.Openat2(int(dir.Fd()), program, &how)
	if err != nil {
		return fmt.Errorf("open %s: %w", program, err)
	}
	f := os.NewFile(uintptr(fd), program)
	defer f.Close()
	if _, err := io.Copy(io.Discard, f); err != nil {
		return fmt.Errorf("read %s: %w", program, err)
	}
	return nil
}
