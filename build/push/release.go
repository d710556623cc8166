package push

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/proa-os/proa/build/tufrepo"
	"github.com/proa-os/proa/config/pushlink"
	"github.com/proa-os/proa/images/slotfile"
)

// release is what is pushed.
type release struct {
	kind  pushlink.Kind
	open  func(name string) (pushlink.File, error)
	close func() error
}

// openRelease finds out what a path names.
func openRelease(place string) (*release, error) {
	info, err := os.Stat(place)
	switch {
	case err != nil && strings.Contains(place, "://"):
		return nil, fmt.Errorf("%s is a server: on the node, run proa upgrade apply %[1]s", place)
	case err != nil:
		return nil, fmt.Errorf("release: %w; the last argument is what proa release has made, or a .slot file", err)
	case info.IsDir():
		return openSite(place)
	}
	f, err := os.Open(place)
	if err != nil {
		return nil, err
	}
	r, err := openFile(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", place, errors.Join(err, f.Close()))
	}
	return r, nil
}

// openSite opens a directory. Links that lead out of it are not followed.
func openSite(dir string) (*release, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	if _, err := root.Stat(tufrepo.MetadataDir + "/timestamp.json"); err != nil {
		return nil, errors.Join(fmt.Errorf("%s has no release in it: %w; proa release --out %[1]s makes one", dir, err), root.Close())
	}
	return &release{pushlink.Repository, func(name string) (pushlink.File, error) {
		if !fs.ValidPath(name) {
			return nil, fs.ErrInvalid
		}
		f, err := root.Open(filepath.FromSlash(name))
		if err != nil {
			return nil, err
		}
		return opened(f)
	}, root.Close}, nil
}

// opened is a regular file of a site.
func opened(f *os.File) (pushlink.File, error) {
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no regular file", filepath.Base(f.Name()))
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return whole{f, info.Size()}, nil
}

// whole is an open file of its own.
type whole struct {
	*os.File
	size int64
}

// Size returns the size in bytes when it was opened.
func (w whole) Size() int64 { return w.size }

// openFile opens a slot file or a bundle. Both are tars; the first name tells which.
func openFile(f *os.File) (*release, error) {
	parts, first, err := index(f)
	if err != nil {
		return nil, fmt.Errorf("neither a slot file nor the bundle of a release: %w", err)
	}
	if first == slotfile.ManifestName {
		info, err := f.Stat()
		if err != nil {
			return nil, err
		}
		parts = map[string]*io.SectionReader{pushlink.SlotName: io.NewSectionReader(f, 0, info.Size())}
		return &release{pushlink.SlotFile, within(parts), f.Close}, nil
	}
	return &release{pushlink.Repository, within(parts), f.Close}, nil
}

// index returns where the files of a tar lie.
func index(f *os.File) (parts map[string]*io.SectionReader, first string, err error) {
	parts = map[string]*io.SectionReader{}
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) && first != "" {
			return parts, first, nil
		}
		if err != nil {
			return nil, "", err
		}
		at, err := f.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, "", err
		}
		if first == "" {
			first = h.Name
		}
		parts[h.Name] = io.NewSectionReader(f, at, h.Size)
	}
}

// within opens files that lie in a larger one.
func within(parts map[string]*io.SectionReader) func(string) (pushlink.File, error) {
	return func(name string) (pushlink.File, error) {
		if p := parts[name]; p != nil {
			return part{p}, nil
		}
		return nil, fs.ErrNotExist
	}
}

// part needs no closing.
type part struct{ *io.SectionReader }

func (part) Close() error { return nil }
