package sys

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// PivotRoot makes the mount at root the root of all processes in this mount namespace (pivot_root(2)), and detaches the
// old root with all mounts below it. Neither "/" nor the parent of root may be shared. The old mounts leave their peer
// groups first: otherwise what is unmounted there would be unmounted in the new root, and in containers, too.
func (Linux) PivotRoot(root string) error {
	old, err := os.Open("/")
	if err != nil {
		return err
	}
	defer old.Close()
	if err := os.Chdir(root); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil { // the old root is now mounted over the new one
		return errors.Join(fmt.Errorf("pivot root to %s: %w", root, err), os.Chdir("/"))
	}
	if err := old.Chdir(); err != nil {
		return err
	}
	if err := unix.Mount("", ".", "", unix.MS_PRIVATE|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("make the old root private: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount the old root: %w", err)
	}
	return os.Chdir("/")
}

// Exec replaces this program. It returns only on failure.
func (Linux) Exec(argv []string) error {
	return fmt.Errorf("exec %s: %w", argv[0], unix.Exec(argv[0], argv, os.Environ()))
}
