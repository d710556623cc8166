package payload

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/images/verity"
)

// Options are what a slot is assembled from.
type Options struct {
	Manifest []byte // its text
	Index    *Index
	Frames   Frames
	Old      Old // nil: there is no running slot
	Forms    Forms
	// Full is called at most once, for the first piece that the running slot cannot give; nil: that is an error.
	Full func(context.Context) (*Index, Frames, error)
	// Nearby is asked before a frame is read; nil: nobody is.
	Nearby Nearby
}

// Assembler yields the files of a slot from a payload file, in the order of the manifest. It needs memory for a piece,
// its frame, what delta needs, and the lowest level of the root image's hash tree.
type Assembler struct {
	Options
	m     slotfile.Manifest
	forms []Form
	full  *Index
	*Fetcher
	fullFrames Frames

	places []Place
	starts []int64 // of the pieces in the contents, and the end of the last
	loaded int     // number of the piece in Fetcher.content; -1: none

	file int // that is read
	open *maker
}

// NewAssembler refuses an index that does not fit the manifest, and forms that are not known.
func NewAssembler(o Options) (*Assembler, error) {
	m, err := o.Index.Fits(o.Manifest, o.Forms)
	if err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	forms, err := o.Forms.Of(o.Index.Files)
	if err != nil {
		return nil, err
	}
	f, err := NewFetcher(o.Old)
	if err != nil {
		return nil, err
	}
	a := &Assembler{Options: o, m: m, forms: forms, Fetcher: f, loaded: -1, file: -1}
	if a.places, err = Cut(o.Index.Files, len(o.Index.Pieces)); err != nil {
		return nil, err
	}
	at := int64(0)
	for _, p := range a.places {
		a.starts = append(a.starts, at)
		at += int64(p.Size)
	}
	a.starts = append(a.starts, at)
	return a, nil
}

// Manifest returns what the slot consists of, and the text of that.
func (a *Assembler) Manifest() (slotfile.Manifest, []byte) { return a.m, a.Options.Manifest }

// Signatures returns those of the manifest, as the index has them.
func (a *Assembler) Signatures() []byte { return a.Index.Signatures }

// Close releases the memory of the decoders.
func (a *Assembler) Close() { a.Fetcher.Close() }

// ReadRange fills b with the bytes of a file from off on. Files are read in the order of the manifest, and each in the
// order of its bytes; pieces of what is left out are not fetched, except between bytes of one file.
func (a *Assembler) ReadRange(ctx context.Context, f slotfile.File, off int64, b []byte) error {
	if off < 0 || off > f.Size-int64(len(b)) {
		return fmt.Errorf("%s has no bytes %d to %d", f.Name, off, off+int64(len(b)))
	}
	if err := a.enter(f); err != nil {
		return err
	}
	if err := a.open.read(ctx, off, b); err != nil {
		return fmt.Errorf("%s: %w", f.Name, err)
	}
	return nil
}

// enter opens a file, which must be the open one or follow it.
func (a *Assembler) enter(f slotfile.File) error {
	if a.open != nil && a.m.Files[a.file] == f {
		return nil
	}
	for i := a.file + 1; i < len(a.m.Files); i++ {
		if a.m.Files[i] == f {
			m, err := a.maker(i)
			if err != nil {
				return fmt.Errorf("%s: %w", f.Name, err)
			}
			a.file, a.open = i, m
			return nil
		}
	}
	return fmt.Errorf("%s does not follow in the payload", f.Name)
}

// Verified returns how many bytes at the beginning of a file are right in what an interrupted write left there, in whole
// pieces; ReadRange then goes on with them. It is called before the file is read.
func (a *Assembler) Verified(ctx context.Context, f slotfile.File, there io.ReaderAt) (int64, error) {
	if err := a.enter(f); err != nil {
		return 0, err
	}
	return a.open.verified(ctx, there)
}

// End returns an error if the last file was not read to its end.
func (a *Assembler) End(context.Context) error {
	last := len(a.m.Files) - 1
	if a.file != last || a.open.at != a.m.Files[last].Size {
		return fmt.Errorf("the payload was not read to the end of %s", a.m.Files[last].Name)
	}
	return nil
}

// piece returns the number of the piece that has the content at an offset.
func (a *Assembler) piece(at int64) int {
	lo, hi := 0, len(a.places) // starts[lo] <= at < starts[hi]
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; a.starts[mid] <= at {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo
}

// contentAt returns at most n bytes of the contents at an offset, as many as are in one piece.
func (a *Assembler) contentAt(ctx context.Context, at, n int64) ([]byte, error) {
	i := a.piece(at)
	if i != a.loaded {
		a.loaded = -1
		if err := a.load(ctx, i); err != nil {
			return nil, fmt.Errorf("piece %d: %w", i, err)
		}
		a.loaded = i
	}
	begin := at - a.starts[i]
	return a.content[begin:min(begin+n, int64(len(a.content)))], nil
}

// load takes a piece from those nearby, or fetches it: from "full" if the running slot cannot give it.
func (a *Assembler) load(ctx context.Context, i int) error {
	if a.rawNear(ctx, i) {
		return nil
	}
	_, err := a.Fetch(ctx, a.Index.Pieces[i], a.Frames)
	if !errors.Is(err, errOld) || a.Full == nil {
		return err
	}
	if a.full == nil {
		x, frames, fullErr := a.Full(ctx)
		if fullErr != nil {
			return fmt.Errorf("%w; and %s: %w", err, Full, fullErr)
		}
		if err := a.same(x); err != nil {
			return err
		}
		a.full, a.fullFrames = x, frames
	}
	if a.full.Pieces[i].Sum != a.Index.Pieces[i].Sum {
		return fmt.Errorf("%s has another content", Full)
	}
	_, err = a.Fetch(ctx, a.full.Pieces[i], a.fullFrames)
	return err
}

// same requires that another index is of the same slot.
func (a *Assembler) same(x *Index) error {
	if _, err := x.Fits(a.Options.Manifest, a.Forms); err != nil || len(x.Pieces) != len(a.Index.Pieces) {
		return errors.Join(fmt.Errorf("%s is of another slot", Full), err)
	}
	return nil
}

// made follows the bytes that are made of a piece, and compares their sum at its end.
type made struct {
	hash.Hash
	next int64 // offset in the contents
	size int
}

// add says that bytes were made of the contents from one offset to another.
func (a *Assembler) add(m *made, from, to int64, b []byte) error {
	i := a.piece(from)
	p := a.Index.Pieces[i]
	if m.Hash == nil {
		m.Hash = sha256.New()
	}
	if from == a.starts[i] {
		m.Reset()
		m.size = 0
	} else if from != m.next {
		m.next = -1 // not from its beginning
		return nil
	}
	m.Write(b)
	m.size, m.next = m.size+len(b), to
	if to < a.starts[i+1] || p.Stored == 0 {
		return nil
	}
	if m.size != p.Stored || !bytes.Equal(m.Sum(nil), p.Made[:]) {
		return fmt.Errorf("piece %d: this proa makes other bytes of it than the build; take the slot file instead", i)
	}
	return nil
}

// tree returns the hash tree of the root image.
func (a *Assembler) tree() (*verity.Tree, error) {
	v := a.Index.Verity
	return verity.NewTree(a.m.Root.Image, v.Salt, [16]byte(v.UUID))
}
