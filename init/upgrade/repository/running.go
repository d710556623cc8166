package repository

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"

	"github.com/proa-os/proa/config/step"
	"github.com/proa-os/proa/images/erofs"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/payload"
	"github.com/proa-os/proa/images/payload/oldstream"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/images/zstream"
)

// Running is the running slot: the device with its root, which the kernel verifies, and the boot files of its directory.
// It implements payload.Old and payload.Storer. What it returns is compared with hashes before it is used.
type Running struct {
	Slot  layout.Slot
	Root  string // device with the root image
	Files func(s layout.Slot, write bool, do func(dir string) error) error

	image   *erofs.Image
	device  *os.File
	streams map[string]*oldstream.Stream
	last    block
}

var _ payload.Storer = (*Running)(nil)

// ReadContent implements payload.Old.
func (r *Running) ReadContent(ctx context.Context, from payload.Ref, b []byte) error {
	step.Moved(ctx)
	if from.File == slotfile.RootName {
		m, err := r.root()
		if err != nil {
			return err
		}
		return m.ReadContent(from.Path, from.Offset, b)
	}
	return r.bootFile(ctx, from, b)
}

// AppendStored implements payload.Storer.
func (r *Running) AppendStored(ctx context.Context, form string, from payload.Ref, b []byte) ([]byte, error) {
	step.Moved(ctx)
	if err := ctx.Err(); err != nil {
		return b, err
	}
	m, err := r.root()
	if err == nil && (from.File != slotfile.RootName || m.Codec().Form() != form) {
		err = fmt.Errorf("%s is not of form %s", from.File, form)
	}
	if err != nil {
		return b, err
	}
	return m.AppendStored(b, from.Path, from.Offset, from.Length)
}

// root opens the root image.
func (r *Running) root() (*erofs.Image, error) {
	r.forget()
	if r.image != nil {
		return r.image, nil
	}
	f, err := os.Open(r.Root)
	if err != nil {
		return nil, err
	}
	if r.image, err = erofs.Open(f); err != nil {
		f.Close() // it was only read
		return nil, err
	}
	r.device = f
	return r.image, nil
}

// bootFile reads a file of the slot's directory: as it is, or what is compressed in it.
func (r *Running) bootFile(ctx context.Context, from payload.Ref, b []byte) error {
	if s := r.streams[from.File]; s != nil {
		return s.ReadContent(ctx, from.Offset, b)
	}
	name, ok := slotfile.File{Name: from.File}.For(r.Slot)
	if !ok {
		return fmt.Errorf("%s is no file of slot %s", from.File, r.Slot)
	}
	f := bootFile{r, name}
	begin := make([]byte, len(zstream.Magic))
	if n, _ := f.ReadAt(begin, 0); string(begin[:n]) != zstream.Magic {
		_, err := io.ReadFull(io.NewSectionReader(f, from.Offset, int64(len(b))), b)
		return err
	}
	s := oldstream.New(func() (io.ReadCloser, error) { return zstream.NewReader(io.NewSectionReader(f, 0, math.MaxInt64)) })
	if r.streams == nil {
		r.streams = map[string]*oldstream.Stream{}
	}
	r.streams[from.File] = s
	return s.ReadContent(ctx, from.Offset, b)
}

// bootFile reads a file of the slot's directory in blocks, of which the last is kept. It is open only while a block is
// read, because some boards mount the directory for that time only.
type bootFile struct {
	*Running
	name string
}

// block is one of a boot file.
type block struct {
	name string
	at   int64
	b    []byte // shorter at the end of the file
}

const blockSize = 256 << 10

// ReadAt implements io.ReaderAt.
func (f bootFile) ReadAt(b []byte, off int64) (n int, err error) {
	for n < len(b) {
		at := (off + int64(n)) / blockSize * blockSize
		if err := f.load(at); err != nil {
			return n, err
		}
		skip := off + int64(n) - at
		if skip >= int64(len(f.last.b)) {
			return n, io.EOF
		}
		n += copy(b[n:], f.last.b[skip:])
	}
	return n, nil
}

func (f bootFile) load(at int64) error {
	if f.last.name == f.name && f.last.at == at {
		return nil
	}
	f.last.name = ""
	if f.last.b == nil {
		f.last.b = make([]byte, blockSize)
	}
	err := f.Files(f.Slot, false, func(dir string) error {
		in, err := os.Open(filepath.Join(dir, f.name))
		if err != nil {
			return err
		}
		defer in.Close() // it was only read
		n, err := in.ReadAt(f.last.b[:blockSize], at)
		if f.last.b = f.last.b[:n]; err == io.EOF {
			err = nil
		}
		return err
	})
	if err == nil {
		f.last.name, f.last.at = f.name, at
	}
	return err
}

// forget frees what boot files took, of the old ones the window and the decoder of each stream: they are opened again if
// need be. The root comes after them, and the most memory is needed for the initramfs.
func (r *Running) forget() {
	if len(r.streams) == 0 {
		return
	}
	for _, s := range r.streams {
		s.Close()
	}
	r.streams, r.last = nil, block{}
	debug.FreeOSMemory()
}

// Close closes what was opened.
func (r *Running) Close() error {
	r.forget()
	if r.device != nil {
		r.device.Close()
	}
	r.device, r.image = nil, nil
	return nil // everything was only read
}

// contents finds the contents of the root image that a release has too, by their hashes. Only files are read whose length
// a file of the release has.
func (r *Running) contents(ctx context.Context, x *payload.Index) (func(payload.Sum) (payload.Ref, bool), error) {
	have := map[payload.Sum]payload.Ref{}
	m, err := r.root()
	if err != nil {
		return func(payload.Sum) (payload.Ref, bool) { return payload.Ref{}, false }, nil // a root of an older proa
	}
	sizes := map[int64]bool{}
	for _, f := range x.Files {
		for _, region := range f.Regions {
			sizes[region.Content] = true
		}
	}
	b := make([]byte, erofs.Cluster)
	for _, region := range m.Regions() {
		if region.Path == "" || !sizes[region.Content] {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		sum, err := hashOf(ctx, m, region, b)
		if err == nil { // what cannot be read is fetched
			have[sum] = payload.Ref{File: slotfile.RootName, Path: region.Path, Length: region.Content}
		}
	}
	return func(s payload.Sum) (payload.Ref, bool) { ref, ok := have[s]; return ref, ok }, nil
}

func hashOf(ctx context.Context, m *erofs.Image, r erofs.Region, b []byte) (sum payload.Sum, err error) {
	h := sha256.New()
	for at := int64(0); at < r.Content; at += int64(len(b)) {
		step.Moved(ctx)
		part := b[:min(int64(len(b)), r.Content-at)]
		if err := m.ReadContent(r.Path, at, part); err != nil {
			return sum, err
		}
		h.Write(part)
	}
	h.Sum(sum[:0])
	return sum, nil
}
