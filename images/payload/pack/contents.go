package pack

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"

	"github.com/proa-os/proa/images/payload"
	"github.com/proa-os/proa/images/tree"
)

// Contents are all that a slot is made of, as the build has it.
type Contents struct {
	Manifest   []byte // its text
	Signatures []byte // of it; may be empty
	Verity     payload.Verity
	Files      []Input // all of the manifest, in its order
}

// Input is a file with the contents of its regions.
type Input struct {
	Name, Form string
	Regions    []Source
}

// Source is a region with its content.
type Source struct {
	Path    string // see Region
	Stored  int64
	Content tree.Content
}

// Whole returns a file without regions: size bytes that its form makes of the content.
func Whole(name, form string, size int64, c tree.Content) Input {
	in := Input{Name: name, Form: form}
	if c.Size > 0 {
		in.Regions = []Source{{Stored: size, Content: c}}
	}
	return in
}

// index returns the index of the contents, without pieces; with sums it has those of all contents.
func (c Contents) index(sums bool) (*payload.Index, error) {
	x := &payload.Index{Manifest: sha256.Sum256(c.Manifest), Signatures: c.Signatures, Verity: c.Verity}
	for _, in := range c.Files {
		f := payload.File{Name: in.Name, Form: in.Form}
		for _, s := range in.Regions {
			r := payload.Region{Path: s.Path, Content: s.Content.Size, Stored: s.Stored}
			if sums {
				h := sha256.New()
				if err := s.Content.CopyTo(h); err != nil {
					return nil, fmt.Errorf("%s %s: %w", in.Name, s.Path, err)
				}
				h.Sum(r.Sum[:0])
			}
			f.Regions = append(f.Regions, r)
		}
		x.Files = append(x.Files, f)
	}
	return x, nil
}

// ReadContent implements payload.Old, for the verification of patches in the build.
func (c Contents) ReadContent(_ context.Context, from payload.Ref, b []byte) error {
	for _, f := range c.Files {
		if f.Name != from.File {
			continue
		}
		stored := int64(0)
		for _, s := range f.Regions {
			off := from.Offset
			if from.Path == "" {
				off -= stored
			}
			if stored += s.Stored; s.Path == from.Path && off >= 0 && off+from.Length <= s.Content.Size {
				return readAt(s.Content, off, b)
			}
		}
	}
	return fmt.Errorf("no %d bytes at %d of %s %s", from.Length, from.Offset, from.File, from.Path)
}

func readAt(c tree.Content, off int64, b []byte) error {
	r, err := c.Open()
	if err != nil {
		return err
	}
	defer r.Close() // it was only read
	if at, ok := r.(io.ReaderAt); ok {
		_, err = io.ReadFull(io.NewSectionReader(at, off, int64(len(b))), b)
		return err
	}
	if _, err = io.CopyN(io.Discard, r, off); err == nil {
		_, err = io.ReadFull(r, b)
	}
	return err
}
