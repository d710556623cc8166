package tree

import (
	"archive/tar"
	"fmt"
	"io"
	"io/fs"
	"time"
)

// WriteTar writes sorted entries as a tar archive with numeric owners and one modification time. It is used for
// container image layers.
func WriteTar(w io.Writer, entries []Entry, when time.Time) error {
	sorted, err := Sort(entries)
	if err != nil {
		return err
	}
	tw := tar.NewWriter(w)
	for _, e := range sorted {
		if err := writeTarEntry(tw, e, when); err != nil {
			return fmt.Errorf("tar %s: %w", e.Path, err)
		}
	}
	return tw.Close()
}

func writeTarEntry(tw *tar.Writer, e Entry, when time.Time) error {
	if e.Path == "." {
		e.Path = "./"
	}
	h := &tar.Header{
		Name: e.Path, Linkname: e.Target, Mode: int64(UnixPerm(e.Mode)), Uid: e.UID, Gid: e.GID,
		Devmajor: int64(e.Major), Devminor: int64(e.Minor), ModTime: when.Truncate(time.Second), Format: tar.FormatPAX,
	}
	switch e.Mode.Type() {
	case 0:
		h.Typeflag, h.Size = tar.TypeReg, e.Content.Size
	case fs.ModeDir:
		h.Typeflag = tar.TypeDir
		if e.Path != "./" {
			h.Name += "/"
		}
	case fs.ModeSymlink:
		h.Typeflag = tar.TypeSymlink
	case fs.ModeNamedPipe:
		h.Typeflag = tar.TypeFifo
	case fs.ModeDevice:
		h.Typeflag = tar.TypeBlock
	default: // Sort refuses all other types
		h.Typeflag = tar.TypeChar
	}
	if err := tw.WriteHeader(h); err != nil {
		return err
	}
	return e.Content.CopyTo(tw)
}

// UnixPerm returns the permission bits of st_mode: rwx, set-id and sticky bits.
func UnixPerm(m fs.FileMode) uint32 {
	p := uint32(m.Perm())
	if m&fs.ModeSetuid != 0 {
		p |= 0o4000
	}
	if m&fs.ModeSetgid != 0 {
		p |= 0o2000
	}
	if m&fs.ModeSticky != 0 {
		p |= 0o1000
	}
	return p
}

// UnixMode returns st_mode: file type and permission bits.
func UnixMode(m fs.FileMode) uint32 {
	t := map[fs.FileMode]uint32{
		0: 0o100000, fs.ModeDir: 0o040000, fs.ModeSymlink: 0o120000, fs.ModeNamedPipe: 0o010000,
		fs.ModeDevice: 0o060000, fs.ModeDevice | fs.ModeCharDevice: 0o020000,
	}
	return t[m.Type()] | UnixPerm(m)
}
