// Package tree describes files independently of a file system: path, mode, owner, content. The root image, the
// initramfs, the boot partition, the ISO and container images are all written from []Entry. It does not read file
// systems and writes no format but tar. Hard links and extended attributes have no field: no image needs them.
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

// Content is the content of a regular file. It can be read more than once.
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

// CopyTo copies the content to w. It fails if the source is longer or shorter than Size: every writer has by then laid
// out the bytes that follow.
func (c Content) CopyTo(w io.Writer) error {
	if c.Open == nil {
		return nil
	}
	r, err := c.Open()
	if err != nil {
		return err
	}
	defer r.Close() // closing a file that was only read loses nothing
	n, err := io.Copy(w, r)
	if err != nil {
		return err
	}
	if n != c.Size {
		return fmt.Errorf("content changed: %d bytes, %d expected", n, c.Size)
	}
	return nil
}

// File returns a regular file owned by root.
func File(path string, perm fs.FileMode, c Content) Entry {
	return Entry{Path: path, Mode: perm, Content: c}
}

// Dir returns a directory owned by root.
func Dir(path string, perm fs.FileMode) Entry {
	return Entry{Path: path, Mode: fs.ModeDir | perm}
}

// Symlink returns a symbolic link to target.
func Symlink(path, target string) Entry {
	return Entry{Path: path, Mode: fs.ModeSymlink | 0o777, Target: target}
}

// CharDev returns a character device node.
func CharDev(path string, perm fs.FileMode, major, minor uint32) Entry {
	return Entry{Path: path, Mode: fs.ModeDevice | fs.ModeCharDevice | perm, Major: major, Minor: minor}
}

// modeBits are the mode bits an entry may have besides its type. Go keeps set-id and sticky bits elsewhere than Unix:
// fs.ModeSetuid|0o755 and not 0o4755.
const modeBits = fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky
