// Package tree says what a file is before it lies in any file system: path, mode, owner, content.
// The root image, the initramfs, the boot partition, the ISO and container images are all written from
// []Entry. It does not read file systems and knows no format but tar. Hard links and extended
// attributes are refused by having no field: nothing in an image needs them.
package tree

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Entry is one file, directory, symbolic link or device node.
type Entry struct {
	Path         string      // slash-separated, relative, clean: "usr/bin/k3s"; "." is the root directory
	Mode         fs.FileMode // type bits and permissions, set-id bits included
	UID, GID     int
	Target       string // of a symbolic link
	Major, Minor uint32 // of a device node
	Content      Content
}

// Content is bytes that may be read more than once; only regular files have it.
type Content struct {
	Size int64
	Open func() (io.ReadCloser, error)
}

// Bytes is content in memory.
func Bytes(b []byte) Content {
	return Content{int64(len(b)), func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(b)), nil
	}}
}

// HostFile is the content of a file of the build host, opened only when it is written.
func HostFile(path string) (Content, error) {
	st, err := os.Stat(path)
	if err != nil {
		return Content{}, err
	}
	if !st.Mode().IsRegular() {
		return Content{}, fmt.Errorf("%s: not a regular file", path)
	}
	return Content{st.Size(), func() (io.ReadCloser, error) { return os.Open(path) }}, nil
}

// ReadAll returns the whole content; the zero Content is empty.
func (c Content) ReadAll() ([]byte, error) {
	var b bytes.Buffer
	if err := c.CopyTo(&b); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// CopyTo copies the content and refuses a source that is longer or shorter than Size said: every
// writer has by then laid out the bytes that follow.
func (c Content) CopyTo(w io.Writer) error {
	if c.Open == nil {
		return nil
	}
	r, err := c.Open()
	if err != nil {
		return err
	}
	defer r.Close() // read side: nothing to lose
	n, err := io.Copy(w, r)
	if err != nil {
		return err
	}
	if n != c.Size {
		return fmt.Errorf("content changed: %d bytes, %d expected", n, c.Size)
	}
	return nil
}

// File is a regular file of root's.
func File(path string, perm fs.FileMode, c Content) Entry {
	return Entry{Path: path, Mode: perm, Content: c}
}

// Dir is a directory of root's.
func Dir(path string, perm fs.FileMode) Entry {
	return Entry{Path: path, Mode: fs.ModeDir | perm}
}

// Symlink is a symbolic link to target.
func Symlink(path, target string) Entry {
	return Entry{Path: path, Mode: fs.ModeSymlink | 0o777, Target: target}
}

// CharDev is a character device node.
func CharDev(path string, perm fs.FileMode, major, minor uint32) Entry {
	return Entry{Path: path, Mode: fs.ModeDevice | fs.ModeCharDevice | perm, Major: major, Minor: minor}
}

// modeBits are the permissions an entry may have. Go keeps set-id and sticky bits elsewhere than Unix:
// 0o4755 is no mode, fs.ModeSetuid|0o755 is.
const modeBits = fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky
