package disks

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Target is what the user named: a disk, or a regular file in place of one.
type Target struct {
	Disk Disk // for a file only name and size
	Path string
	File bool
}

// Find takes a disk's name, a path of a device or a link to one, or a regular file. A disk is preferred to a file of
// the same name; use ./NAME for the file.
func (s *System) Find(arg string) (Target, error) {
	name := strings.TrimPrefix(arg, "/dev/")
	if d, ok, err := s.byName(name); ok || err != nil {
		return s.target(d), err
	}
	node, err := filepath.EvalSymlinks(arg)
	if errors.Is(err, fs.ErrNotExist) {
		return Target{}, fmt.Errorf("there is no disk %s", arg)
	}
	if err != nil {
		return Target{}, err
	}
	if dev, ok := strings.CutPrefix(node, "/dev/"); ok {
		if d, ok, err := s.byName(dev); ok || err != nil {
			return s.target(d), err
		}
	}
	return s.byPath(arg, node)
}

func (s *System) target(d Disk) Target {
	return Target{Disk: d, Path: filepath.Join(s.root, "dev", strings.ReplaceAll(d.Name, "!", "/"))}
}

// byName also finds partitions, to refuse them.
func (s *System) byName(name string) (Disk, bool, error) {
	name = strings.ReplaceAll(name, "/", "!") // as in /sys/block
	for _, d := range s.Disks {
		if d.Name == name {
			return d, true, nil
		}
		for _, p := range d.Parts {
			if p.Name == name {
				return d, false, partition(p, d)
			}
		}
	}
	return Disk{}, false, nil
}

func partition(p Part, d Disk) error {
	return fmt.Errorf("%s is a partition; an image takes a whole disk: %s", p.Name, d.Name)
}

// byPath finds a device by its major:minor number, whatever its node is called.
func (s *System) byPath(arg, path string) (Target, error) {
	st, err := os.Stat(path)
	if err != nil {
		return Target{}, err
	}
	switch {
	case st.Mode().IsRegular() && st.Size() == 0:
		return Target{}, fmt.Errorf("%s is empty\nhint: `truncate -s 8G %s` makes it as large as a disk", arg, arg)
	case st.Mode().IsRegular():
		return Target{Disk: Disk{Name: arg, Size: st.Size(), Removable: true}, Path: path, File: true}, nil
	case st.Mode()&fs.ModeDevice == 0 || st.Mode()&fs.ModeCharDevice != 0:
		return Target{}, fmt.Errorf("%s is neither a disk nor a regular file", arg)
	}
	dev, err := Number(st)
	if err != nil {
		return Target{}, err
	}
	for _, d := range s.Disks {
		if d.Dev == dev {
			return Target{Disk: d, Path: path}, nil
		}
		for _, p := range d.Parts {
			if p.Dev == dev {
				return Target{}, partition(p, d)
			}
		}
	}
	return Target{}, fmt.Errorf("%s: the kernel knows no disk %s", arg, dev)
}

// Number returns a device node's major:minor.
func Number(st fs.FileInfo) (string, error) {
	raw, ok := st.Sys().(*syscall.Stat_t)
	if !ok || st.Mode()&fs.ModeDevice == 0 {
		return "", fmt.Errorf("%s is no device", st.Name())
	}
	return fmt.Sprintf("%d:%d", unix.Major(raw.Rdev), unix.Minor(raw.Rdev)), nil
}
