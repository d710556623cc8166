package slot

import (
	"errors"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/images/atomicfile"
	"github.com/proa-os/proa/init/bootfile"
	"github.com/proa-os/proa/init/fatmend"
	"github.com/proa-os/proa/init/sys"
)

// Files returns where files of the boot partition at dir can be replaced.
func Files(s sys.Sys, dir string, flags uintptr) bootfile.Place {
	device := Device(dir)
	flush := func(path string) error {
		err := atomicfile.SyncDir(path) // fsyncs a file too
		if err == nil && device != "" {
			err = atomicfile.SyncDir(device) // flushes the disk's own cache, with earlier writes
		}
		return err
	}
	return bootfile.Place{Dir: dir, Change: Remount(s, dir, flags), Flush: flush}
}

// Mounted mounts a slot's own boot partition at dir while it is used, read-only unless it is written. It is flushed and
// unmounted before the call returns. root is the prefix of paths that are read.
func Mounted(s sys.Sys, root, device, dir string, flags uintptr, write bool, use func(dir string) error) error {
	if err := s.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if write {
		fatmend.Mend(device, func(string, ...any) {}) // if it could not, what is written says so
	} else {
		flags |= unix.MS_RDONLY
	}
	if err := s.Mount(device, dir, "vfat", flags, "umask=0077,utf8=1"); err != nil {
		return err
	}
	err := use(filepath.Join(root, dir))
	if write {
		err = errors.Join(err, SyncFS(filepath.Join(root, dir)))
	}
	return errors.Join(err, s.Unmount(dir, 0))
}
