package sys

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// OwnDir makes a directory for a user, with mode 0700. One that exists loses only the rights of others to write, and
// changes its owner only if adopt is set. Every directory above it must be root's and writable by root only, so that no
// user can put a link in the way; what exists at the path must be a directory.
func (Linux) OwnDir(path string, uid, gid int, adopt bool) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := rootsOwn(filepath.Dir(path)); err != nil {
		return err
	}
	made := os.Mkdir(path, 0o700)
	if made != nil && !errors.Is(made, fs.ErrExist) {
		return made
	}
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return fmt.Errorf("%s: %w", path, unix.ENOTDIR)
	}
	if made == nil || adopt && (int(st.Uid) != uid || int(st.Gid) != gid) {
		if err := os.Lchown(path, uid, gid); err != nil {
			return err
		}
	}
	if st.Mode&0o022 != 0 {
		return os.Chmod(path, os.FileMode(st.Mode&0o755))
	}
	return nil
}

// rootsOwn returns an error for a path of which anybody but root can change a part.
func rootsOwn(path string) error {
	for ; ; path = filepath.Dir(path) {
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		if st.Mode&unix.S_IFMT != unix.S_IFDIR || st.Uid != 0 || st.Mode&0o022 != 0 {
			return fmt.Errorf("%s is not a directory that only root can write to", path)
		}
		if path == "/" {
			return nil
		}
	}
}

// MountIn binds the directory source to dir/name, which is made if it is missing. Neither dir nor dir/name may be a link,
// since a user owns dir. It does nothing if it is mounted there already.
func (Linux) MountIn(source, dir, name string) error {
	const only = unix.O_PATH | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	parent, err := unix.Open(dir, only, 0)
	if err != nil {
		return fmt.Errorf("open %s: %w", dir, err)
	}
	defer unix.Close(parent)
	if err := unix.Mkdirat(parent, name, 0o755); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("make %s/%s: %w", dir, name, err)
	}
	at, err := unix.Openat(parent, name, only, 0)
	if err != nil {
		return fmt.Errorf("open %s/%s: %w", dir, name, err)
	}
	defer unix.Close(at)
	var have, want unix.Stat_t
	if err := errors.Join(unix.Fstat(at, &have), unix.Stat(source, &want)); err != nil {
		return err
	}
	if have.Dev == want.Dev && have.Ino == want.Ino {
		return nil
	}
	if err := unix.Mount(source, fmt.Sprintf("/proc/self/fd/%d", at), "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount %s on %s/%s: %w", source, dir, name, err)
	}
	return nil
}
