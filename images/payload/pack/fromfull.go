package pack

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"sort"

	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/images/tree"

	"github.com/proa-os/proa/images/payload"
)

// FromFull returns the contents of a slot whose manifest and "full" are at hand, to make patches from an earlier release.
// The frames are read whenever a content is.
func FromFull(ctx context.Context, manifest []byte, x *payload.Index, frames payload.Frames) (Contents, error) {
	c := Contents{Manifest: manifest, Signatures: x.Signatures, Verity: x.Verity}
	if x.Manifest != sha256.Sum256(manifest) {
		return c, fmt.Errorf("%s is for another manifest", payload.Full)
	}
	if _, err := slotfile.ParseManifest(manifest); err != nil {
		return c, err
	}
	whole := fullContents{ctx: ctx, x: x, frames: frames}
	end := int64(0)
	for _, p := range x.Pieces {
		end += int64(p.Size)
		whole.ends = append(whole.ends, end)
	}
	at := int64(0)
	for _, f := range x.Files {
		in := Input{Name: f.Name, Form: f.Form}
		for _, r := range f.Regions {
			in.Regions = append(in.Regions, Source{r.Path, r.Stored, whole.content(at, r.Content)})
			at += r.Content
		}
		c.Files = append(c.Files, in)
	}
	return c, nil
}

// fullContents are all contents of a "full", one after the other.
type fullContents struct {
	ctx    context.Context
	x      *payload.Index
	frames payload.Frames
	ends   []int64 // of the pieces
}

// content returns a part of the contents.
func (w fullContents) content(at, size int64) tree.Content {
	return tree.Content{Size: size, Open: func() (io.ReadCloser, error) {
		f, err := payload.NewFetcher(nil)
		if err != nil {
			return nil, err
		}
		all := &fullReader{fullContents: w, Fetcher: f, loaded: -1}
		return fullPart{io.NewSectionReader(all, at, size), f}, nil
	}}
}

// fullPart is an open content.
type fullPart struct {
	*io.SectionReader
	f *payload.Fetcher
}

func (p fullPart) Close() error { p.f.Close(); return nil }

// fullReader reads the contents and keeps the last piece.
type fullReader struct {
	fullContents
	*payload.Fetcher
	loaded  int
	content []byte // of the loaded piece
}

func (r *fullReader) ReadAt(b []byte, at int64) (n int, err error) {
	for i := sort.Search(len(r.ends), func(i int) bool { return r.ends[i] > at }); n < len(b); i++ {
		if i == len(r.ends) {
			return n, io.EOF
		}
		if i != r.loaded {
			r.loaded = -1
			if r.content, err = r.Fetch(r.ctx, r.x.Pieces[i], r.frames); err != nil {
				return n, fmt.Errorf("%s: %w", payload.Full, err)
			}
			r.loaded = i
		}
		n += copy(b[n:], r.content[at+int64(n)-(r.ends[i]-int64(r.x.Pieces[i].Size)):])
	}
	return n, nil
}
