package releasing

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/proa-os/proa/images/erofs"
	"github.com/proa-os/proa/images/payload"
	"github.com/proa-os/proa/images/payload/pack"
	"github.com/proa-os/proa/images/releasefile"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/images/tree"
	"github.com/proa-os/proa/images/verity"
	"github.com/proa-os/proa/images/zstream"
)

// Slot is an open slot file.
type Slot struct {
	Manifest slotfile.Manifest
	Text     []byte // of the manifest
	Sig      []byte // its signatures
	file     *os.File
	at       map[string]int64
}

type contents = pack.Contents

// OpenSlot opens a slot file and reads its manifest.
func OpenSlot(name string) (*Slot, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	in, err := slotfile.NewReader(f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	s := &Slot{Manifest: in.Manifest, Text: in.Raw, Sig: in.Sig, file: f}
	s.at, _ = s.Manifest.Offsets(len(in.Raw), len(in.Sig))
	return s, nil
}

// Close closes the file.
func (s *Slot) Close() error { return s.file.Close() }

// section is the bytes of one file.
func (s *Slot) section(f slotfile.File) *io.SectionReader {
	return io.NewSectionReader(s.file, s.at[f.Name], f.Size)
}

// Contents returns what the slot is made of. The form of a file is found by making the file of its content; what no form
// makes is raw.
func (s *Slot) Contents() (contents, error) {
	c := contents{Manifest: s.Text, Signatures: s.Sig}
	for _, f := range s.Manifest.Files {
		in, err := s.input(f, &c)
		if err != nil {
			return c, fmt.Errorf("%s: %w", f.Name, err)
		}
		c.Files = append(c.Files, in)
	}
	return c, nil
}

func (s *Slot) input(f slotfile.File, c *contents) (in pack.Input, err error) {
	if f.Name == slotfile.RootName {
		return s.root(f, c)
	}
	raw := tree.Content{Size: f.Size, Open: func() (io.ReadCloser, error) { return open{s.section(f)}, nil }}
	if content, ok := s.stream(f); ok {
		return pack.Whole(f.Name, zstream.Form, f.Size, content), nil
	}
	return pack.Whole(f.Name, payload.Raw, f.Size, raw), nil
}

// open is an open content that needs no closing.
type open struct{ *io.SectionReader }

func (open) Close() error { return nil }

// stream returns the content of a file that zstream makes byte for byte.
func (s *Slot) stream(f slotfile.File) (c tree.Content, ok bool) {
	begin := make([]byte, len(zstream.Magic))
	if _, err := io.ReadFull(s.section(f), begin); err != nil || string(begin) != zstream.Magic {
		return c, false
	}
	c.Open = func() (io.ReadCloser, error) { return zstream.NewReader(s.section(f)) }
	r, err := c.Open()
	if err != nil {
		return c, false
	}
	defer r.Close() // it was only read
	h := sha256.New()
	w, err := zstream.NewWriter(h)
	if err != nil {
		return c, false
	}
	c.Size, err = io.Copy(w, r)
	err = errors.Join(err, w.Close())
	return c, err == nil && hex.EncodeToString(h.Sum(nil)) == f.SHA256
}

// root returns the regions of the root image.
func (s *Slot) root(f slotfile.File, c *contents) (in pack.Input, err error) {
	p, err := verity.ReadParams(s.section(f), s.Manifest.Root.Image)
	if err != nil {
		return in, err
	}
	c.Verity = payload.Verity{Salt: p.Salt, UUID: p.UUID[:]}
	m, err := erofs.Open(io.NewSectionReader(s.section(f), 0, s.Manifest.Root.Image))
	if err != nil {
		return in, fmt.Errorf("%w; releases are made of slots that this proa builds", err)
	}
	in = pack.Input{Name: f.Name, Form: m.Codec().Form()}
	for _, r := range m.Regions() {
		part := region{m, r}
		in.Regions = append(in.Regions, pack.Source{Path: r.Path, Stored: r.Stored, Content: tree.Content{Size: r.Content, Open: func() (io.ReadCloser, error) {
			return open{io.NewSectionReader(part, 0, part.Content)}, nil
		}}})
	}
	return in, nil
}

// maxRelease is the greatest number of bytes of a release.json.
const maxRelease = 1 << 20

// sequence is that of the root image; 0: it says none. A root for another layout than the manifest's is refused: so would
// each device, after it has written all of it.
func (s *Slot) sequence() (int64, error) {
	root := s.Manifest.Files[len(s.Manifest.Files)-1]
	m, err := erofs.Open(io.NewSectionReader(s.section(root), 0, s.Manifest.Root.Image))
	if err != nil {
		return 0, fmt.Errorf("%s: %w", root.Name, err)
	}
	b, err := m.ReadFile(strings.TrimPrefix(releasefile.Path, "/"), maxRelease)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	var is releasefile.Release
	if err == nil {
		err = json.Unmarshal(b, &is)
	}
	if err != nil {
		return 0, fmt.Errorf("%s: %w", releasefile.Path, err)
	}
	if is.Layout != s.Manifest.Layout {
		return 0, fmt.Errorf("%s is for disk layout %d, the slot's manifest for %d; build the slot again", releasefile.Path, is.Layout, s.Manifest.Layout)
	}
	return is.Sequence, nil
}

// region reads the content of a region.
type region struct {
	m *erofs.Image
	erofs.Region
}

// ReadAt fills b, which does not reach beyond the content: a section reader cuts it.
func (r region) ReadAt(b []byte, off int64) (int, error) {
	if err := r.m.ReadContent(r.Path, off, b); err != nil {
		return 0, err
	}
	return len(b), nil
}

// shared returns the contents without the files that are for one slot only: a device has those of the running slot, and
// others of the same length are as short as a reference to them.
func shared(c contents) contents {
	out := c
	out.Files = nil
	for _, f := range c.Files {
		if strings.HasPrefix(f.Name, slotfile.Common) || f.Name == slotfile.RootName {
			out.Files = append(out.Files, f)
		}
	}
	return out
}

func sumOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
