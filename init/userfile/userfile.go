// Package userfile writes the user's write_files: it decodes the content and replaces the file atomically. It refuses
// content that it cannot decode, and owners that are not in passwd and group. It never runs anything.
package userfile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/sys"
	"golang.org/x/sys/unix"
)

// WriteAll writes the files that are deferred, or those that are not. Each is written whatever becomes of the others.
func WriteAll(s sys.Sys, root string, files []config.File, deferred bool) error {
	var errs []error
	for i, f := range files {
		if f.Defer != deferred {
			continue
		}
		if err := Write(s, root, f); err != nil {
			errs = append(errs, fmt.Errorf("write_files[%d] %s: %w", i, f.Path, err))
		}
	}
	return errors.Join(errs...)
}

// Write writes one file. root is where passwd and group are read from.
func Write(s sys.Sys, root string, f config.File) error {
	content, err := f.Bytes()
	if err != nil {
		return err
	}
	mode, err := strconv.ParseUint(f.Permissions, 8, 32)
	if err != nil {
		return fmt.Errorf("permissions: %w", err)
	}
	if f.Append {
		if content, err = appended(filepath.Join(root, f.Path), content); err != nil {
			return err
		}
	}
	uid, gid, err := owner(root, f.Owner)
	if err != nil {
		return err
	}
	if err := s.MkdirAll(filepath.Dir(f.Path), 0o755); err != nil {
		return err
	}
	if err := s.WriteFile(f.Path, content, os.FileMode(mode&0o777)); err != nil {
		return err
	}
	if mode <= 0o777 && owned(filepath.Join(root, f.Path), uid, gid) {
		return nil
	}
	return s.Chown(f.Path, uid, gid, uint32(mode))
}

// appended returns what is in a file with the content as lines at its end, unchanged if it has these lines already: the
// files are written at every boot, and those on the data partition are still there then.
func appended(file string, content []byte) ([]byte, error) {
	have, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("append: %w", err)
	}
	if bytes.HasPrefix(have, content) || bytes.Contains(have, append([]byte("\n"), content...)) {
		return have, nil
	}
	if len(have) > 0 && have[len(have)-1] != '\n' {
		have = append(have, '\n')
	}
	return append(have, content...), nil
}

// owned says whether a file has that owner already. A new file belongs to root.
func owned(file string, uid, gid int) bool {
	var st unix.Stat_t
	if unix.Stat(file, &st) != nil {
		return uid == 0 && gid == 0
	}
	return int(st.Uid) == uid && int(st.Gid) == gid
}

func owner(root, spec string) (uid, gid int, err error) {
	user, group, both := strings.Cut(spec, ":")
	if uid, err = number(filepath.Join(root, "/etc/passwd"), user); err != nil {
		return 0, 0, fmt.Errorf("owner: no user %q in /etc/passwd", user)
	}
	if !both {
		group = user
	}
	if gid, err = number(filepath.Join(root, "/etc/group"), group); err != nil && both {
		return 0, 0, fmt.Errorf("owner: no group %q in /etc/group", group)
	}
	return uid, gid, nil
}

// number finds a name's number in the third field of a file like passwd; a number is returned as it is.
func number(file, name string) (int, error) {
	if n, err := strconv.Atoi(name); err == nil {
		return n, nil
	}
	if name == "root" {
		return 0, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if fields := strings.Split(s.Text(), ":"); len(fields) > 2 && fields[0] == name {
			return strconv.Atoi(fields[2])
		}
	}
	return 0, os.ErrNotExist
}
