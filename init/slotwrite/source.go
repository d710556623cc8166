package slotwrite

import (
	"context"
	"fmt"
	"io"

	"github.com/proa-os/proa/config/step"
	"github.com/proa-os/proa/images/slotfile"
)

// Source is where a slot comes from. It is not trusted: what is written is compared with the manifest on the medium,
// and what is kept in memory before it is used.
type Source interface {
	// Manifest returns what the slot consists of, as slotfile.ParseManifest returns it, and the text of that.
	Manifest() (slotfile.Manifest, []byte)
	// Signatures returns manifest.sig.
	Signatures() []byte
	// ReadRange fills b with the bytes of a file from off on. Files are read in the order of the manifest, and each in
	// the order of its bytes; what is not needed is left out.
	ReadRange(ctx context.Context, f slotfile.File, off int64, b []byte) error
	// End is called after the last range. It returns an error if the source is not complete.
	End(ctx context.Context) error
}

// Resumer is a Source that recognises what an interrupted write of it left in the slot.
type Resumer interface {
	// Verified returns how many bytes at the beginning of a file are right in what is there; ReadRange then begins there.
	// It may be wrong: all of the file is verified once it is written.
	Verified(ctx context.Context, f slotfile.File, there io.ReaderAt) (int64, error)
}

// Archive reads a slot file while it arrives, as a Source. The context is that of reading the manifest.
func Archive(ctx context.Context, r io.Reader) (Source, error) {
	in := &input{ctx: ctx, r: r}
	file, err := slotfile.NewReader(in)
	if err != nil {
		return nil, err
	}
	return &archive{file: file, in: in}, nil
}

// archive reads a slot file while it arrives. The slot file's reader verifies each file, and those left out.
type archive struct {
	file *slotfile.Reader
	in   *input // of file
	open *slotfile.Entry
	at   int64 // in open
}

func (a *archive) Manifest() (slotfile.Manifest, []byte) { return a.file.Manifest, a.file.Raw }
func (a *archive) Signatures() []byte                    { return a.file.Sig }

func (a *archive) ReadRange(ctx context.Context, f slotfile.File, off int64, b []byte) error {
	a.in.ctx = ctx
	if err := a.forward(f, off); err != nil {
		return err
	}
	n, err := io.ReadFull(a.open, b)
	if a.at += int64(n); err != nil || a.at < f.Size {
		return err
	}
	_, err = io.Copy(io.Discard, a.open) // compares the checksum
	return err
}

// forward skips what stands before an offset in a file.
func (a *archive) forward(f slotfile.File, off int64) (err error) {
	for a.open == nil || a.open.File != f {
		if a.open, err = a.file.Next(); err != nil {
			return err
		}
		if a.at = 0; a.open == nil {
			return fmt.Errorf("%s does not follow in the slot file", f.Name)
		}
	}
	if off < a.at {
		return fmt.Errorf("%s: %d does not follow %d", f.Name, off, a.at)
	}
	n, err := io.CopyN(io.Discard, a.open, off-a.at)
	a.at += n
	return err
}

func (a *archive) End(ctx context.Context) error {
	a.in.ctx = ctx
	for {
		if e, err := a.file.Next(); e == nil || err != nil {
			return err
		}
	}
}

// input returns an error once its context is done, and says that the step makes progress. The context is that of the
// running step.
type input struct {
	ctx context.Context
	r   io.Reader
}

func (i *input) Read(b []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := i.r.Read(b)
	step.Moved(i.ctx)
	if i.ctx.Err() != nil {
		err = i.ctx.Err() // the cause is more useful than the interrupted read
	}
	return n, err
}

// content reads one file of a source from beginning to end.
type content struct {
	ctx  context.Context
	from Source
	file slotfile.File
	at   int64
}

func (c *content) Read(b []byte) (int, error) {
	if c.at == c.file.Size {
		return 0, io.EOF
	}
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	b = b[:min(int64(len(b)), c.file.Size-c.at)]
	if err := c.from.ReadRange(c.ctx, c.file, c.at, b); err != nil {
		return 0, err
	}
	step.Moved(c.ctx)
	c.at += int64(len(b))
	return len(b), nil
}
