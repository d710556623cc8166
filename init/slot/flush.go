package slot

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// flush returns when a file or directory, and everything written to its device before, is on the medium. An fsync of
// the file alone is not enough: the disk may have earlier writes in its cache, in any order.
func (b Boot) flush(path string) error {
	return b.do("flush "+filepath.Base(path), func() error {
		if err := sync(path); err != nil {
			return err
		}
		if b.Device == "" {
			return nil
		}
		return sync(b.Device)
	})
}

func sync(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// SyncFS returns when the whole file system at dir is on the medium. It does not wait for other file systems: a data
// partition may have gigabytes to write.
func SyncFS(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Syncfs(int(f.Fd())); err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return nil
}

// Device returns the block device of the file system at path, "" if there is none (tmpfs) or its node does not exist.
func Device(path string) string {
	var st unix.Stat_t
	if unix.Stat(path, &st) != nil {
		return ""
	}
	dev := uint64(st.Dev)
	target, err := os.Readlink(fmt.Sprintf("/sys/dev/block/%d:%d", unix.Major(dev), unix.Minor(dev)))
	if err != nil {
		return ""
	}
	node := "/dev/" + filepath.Base(target)
	if _, err := os.Stat(node); err != nil {
		return ""
	}
	return node
}
