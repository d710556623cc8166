// Package overlay lists the plain files of the root image: those below rootfs/, and in rootfs.modes what git cannot
// store (empty directories, owners, modes, links). It reads them from disk and not from an embedded copy, which would
// lose modes and links. A path that is in both is an error.
package overlay

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/proa-os/proa/images/tree"
)

// Files returns the entries of an overlay directory: the tree below rootfs with rootfs.modes applied.
func Files(dir string) ([]tree.Entry, error) {
	files, err := walk(filepath.Join(dir, "rootfs"))
	if err != nil {
		return nil, err
	}
	f, err := os.Open(filepath.Join(dir, "rootfs.modes"))
	if err != nil {
		return nil, err
	}
	defer f.Close() // opened for reading: a close error loses nothing
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		fields := strings.Fields(strings.SplitN(lines.Text(), "#", 2)[0])
		if len(fields) == 0 {
			continue
		}
		if err := apply(files, fields); err != nil {
			return nil, fmt.Errorf("rootfs.modes:%d: %w", n, err)
		}
	}
	entries := make([]tree.Entry, 0, len(files))
	for _, e := range files {
		entries = append(entries, *e)
	}
	return entries, lines.Err()
}

// walk reads the tree. Of a file's mode only the executable bit is used: the rest depends on the umask of the clone.
func walk(top string) (map[string]*tree.Entry, error) {
	files := map[string]*tree.Entry{}
	err := filepath.WalkDir(top, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(top, file)
		if err != nil {
			return err
		}
		e, err := entry(filepath.ToSlash(rel), file, d)
		files[e.Path] = &e
		return err
	})
	return files, err
}

func entry(path, file string, d fs.DirEntry) (tree.Entry, error) {
	switch {
	case d.Type()&fs.ModeSymlink != 0:
		target, err := os.Readlink(file)
		return tree.Symlink(path, target), err
	case !d.Type().IsRegular():
		return tree.Entry{}, fmt.Errorf("%s: neither file nor link", path)
	}
	info, err := d.Info()
	if err != nil {
		return tree.Entry{}, err
	}
	content, err := tree.HostFile(file)
	perm := fs.FileMode(0o644)
	if info.Mode()&0o100 != 0 {
		perm = 0o755
	}
	return tree.File(path, perm, content), err
}

// apply applies one line: "dir PATH MODE", "mode PATH MODE" or "link PATH TARGET", the first two with "UID GID" if not
// root's.
func apply(files map[string]*tree.Entry, f []string) error {
	if len(f) != 3 && (len(f) != 5 || f[0] == "link") {
		return errors.New("want: dir PATH MODE [UID GID], mode PATH MODE [UID GID] or link PATH TARGET")
	}
	old := files[f[1]]
	if (old == nil) == (f[0] == "mode") {
		return fmt.Errorf("%s %s: rootfs/ %s it", f[0], f[1], map[bool]string{true: "has not", false: "already has"}[old == nil])
	}
	if f[0] == "link" {
		e := tree.Symlink(f[1], f[2])
		files[f[1]] = &e
		return nil
	}
	mode, err := strconv.ParseUint(f[2], 8, 12)
	if err != nil {
		return fmt.Errorf("mode %q: %w", f[2], err)
	}
	e := tree.Dir(f[1], perm(uint32(mode)))
	switch f[0] {
	case "dir":
	case "mode":
		e = *old
		e.Mode = e.Mode.Type() | perm(uint32(mode))
	default:
		return fmt.Errorf("%q: want dir, mode or link", f[0])
	}
	files[f[1]] = &e
	if len(f) == 5 {
		return owner(&e, f[3], f[4])
	}
	return nil
}

func owner(e *tree.Entry, uid, gid string) (err error) {
	if e.UID, err = strconv.Atoi(uid); err != nil {
		return fmt.Errorf("uid %q: %w", uid, err)
	}
	if e.GID, err = strconv.Atoi(gid); err != nil {
		return fmt.Errorf("gid %q: %w", gid, err)
	}
	return nil
}

// perm converts octal digits to fs.FileMode bits.
func perm(m uint32) fs.FileMode {
	p := fs.FileMode(m & 0o777)
	if m&0o1000 != 0 {
		p |= fs.ModeSticky
	}
	if m&0o2000 != 0 {
		p |= fs.ModeSetgid
	}
	if m&0o4000 != 0 {
		p |= fs.ModeSetuid
	}
	return p
}
