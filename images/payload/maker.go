package payload

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/images/verity"
)

// unit is how many bytes are passed on at once where the form does not say.
const unit = 64 << 10

// maker makes the bytes of one file.
type maker struct {
	a     *Assembler
	of    slotfile.File
	file  File
	form  Form
	limit int64 // bytes that the regions make

	region int
	done   int64 // content of it that was used
	stored int64 // bytes that were made of it
	global int64 // offset in the contents
	made   made

	at     int64  // bytes that were passed on
	out    []byte // made, and not yet passed on
	buf    []byte // for what a codec makes
	pipe   bytes.Buffer
	stream io.WriteCloser
	tree   *verity.Tree // of the root image
	tail   io.Reader    // the finished tree
	whole  whole        // of a stream
}

// maker returns a maker of file i from its beginning.
func (a *Assembler) maker(i int) (*maker, error) {
	m := &maker{a: a, of: a.m.Files[i], file: a.Index.Files[i], form: a.forms[i]}
	m.limit = m.file.Stored()
	for _, f := range a.Index.Files[:i] {
		m.global += f.content()
	}
	var err error
	if m.form.Stream != nil {
		m.stream, err = m.form.Stream(&m.pipe)
	}
	if m.file.Name == slotfile.RootName && err == nil {
		m.tree, err = a.tree()
	}
	return m, err
}

func (f File) content() (n int64) {
	for _, r := range f.Regions {
		n += r.Content
	}
	return n
}

// read passes on bytes from an offset, which must not be before the last one.
func (m *maker) read(ctx context.Context, off int64, b []byte) error {
	if off < m.at {
		return fmt.Errorf("%d does not follow %d", off, m.at)
	}
	for m.at < off || len(b) > 0 {
		if len(m.out) == 0 {
			if err := m.next(ctx); err != nil {
				return err
			}
		}
		n := len(m.out)
		if m.at < off {
			n = int(min(int64(n), off-m.at))
		} else {
			n = copy(b, m.out)
			b = b[n:]
		}
		m.at, m.out = m.at+int64(n), m.out[n:]
	}
	return nil
}

// next makes the next bytes.
func (m *maker) next(ctx context.Context) error {
	switch {
	case m.stream != nil:
		return m.squeeze(ctx)
	case m.region < len(m.file.Regions):
		if err := m.use(ctx); err != nil {
			return err
		}
	case m.tree != nil:
		return m.hashes()
	default:
		return errors.New("it ends early")
	}
	if m.tree != nil {
		if _, err := m.tree.Write(m.out); err != nil {
			return err
		}
	}
	return nil
}

// squeeze makes the next bytes of a stream, or takes them from those nearby.
func (m *maker) squeeze(ctx context.Context) error {
	if m.streamNear(ctx) {
		return nil
	}
	var err error
	if m.region < len(m.file.Regions) {
		err = m.use(ctx)
	} else {
		m.pipe.Reset() // what the last content made was passed on, if it made any: at the end of a block it does
		err = m.stream.Close()
		m.stream, m.out = nil, m.pipe.Bytes()
	}
	n := min(m.whole.drop, int64(len(m.out)))
	m.out, m.whole.drop = m.out[n:], m.whole.drop-n
	return err
}

// use makes bytes of the next content.
func (m *maker) use(ctx context.Context) error {
	if i := m.a.piece(m.global); m.form.Encode != nil && m.global == m.a.starts[i] {
		b := m.a.stored(ctx, i, m.file.Form, m.buf)
		if b == nil {
			b = m.a.madeNear(ctx, i, m.of, m.at, m.buf)
		}
		if b != nil {
			m.buf, m.out = b, b
			m.skip(int64(m.a.Index.Pieces[i].Size), m.at+int64(len(b)))
			return nil
		}
	}
	r := m.file.Regions[m.region]
	n := min(r.Content-m.done, unit)
	if m.form.Encode != nil {
		n = min(r.Content-m.done, int64(m.form.Cluster))
	}
	content, err := m.a.contentAt(ctx, m.global, n)
	if err == nil {
		err = m.transform(r, content)
	}
	if err == nil {
		err = m.a.add(&m.made, m.global, m.global+int64(len(content)), m.out)
	}
	if err != nil {
		return err
	}
	m.global += int64(len(content))
	m.done += int64(len(content))
	m.stored += int64(len(m.out))
	if m.done < r.Content {
		return nil
	}
	if m.stored != r.Stored && m.form.Stream == nil {
		return fmt.Errorf("%s is made into %d bytes, the index says %d", r.Path, m.stored, r.Stored)
	}
	m.region, m.done, m.stored = m.region+1, 0, 0
	return nil
}

// transform sets out to what the form makes of a content.
func (m *maker) transform(r Region, content []byte) (err error) {
	switch {
	case m.form.Raw(r):
		m.out = content
	case m.stream != nil:
		m.pipe.Reset()
		_, err = m.stream.Write(content)
		m.out = m.pipe.Bytes()
	default:
		m.buf, err = m.form.Encode(m.buf[:0], content)
		m.out = m.buf
	}
	return err
}

// hashes makes the next bytes of the hash tree behind the image.
func (m *maker) hashes() error {
	if m.tail == nil {
		tail, root, err := m.tree.Finish()
		if err != nil {
			return err
		}
		if want := m.a.m.Root.Hash; hex.EncodeToString(root) != want {
			return fmt.Errorf("root hash %x, the manifest says %s", root, want)
		}
		m.tail, m.buf = tail, make([]byte, unit)
	}
	n, err := io.ReadFull(m.tail, m.buf)
	if m.out = m.buf[:n]; n > 0 {
		return nil
	}
	return fmt.Errorf("hash tree: %w", err)
}

// verified compares whole pieces with what is there, and skips those that are right.
func (m *maker) verified(ctx context.Context, there io.ReaderAt) (int64, error) {
	if m.at > 0 || len(m.out) > 0 || m.stream != nil {
		return m.at, nil
	}
	buf := make([]byte, unit)
	for end := m.global + m.file.content(); m.global < end; {
		if err := ctx.Err(); err != nil {
			return m.at, err
		}
		i := m.a.piece(m.global)
		if m.a.starts[i] != m.global || m.a.starts[i+1] > end {
			return m.at, nil // it has contents of other files
		}
		if ok, err := m.right(m.a.Index.Pieces[i], there, buf); !ok || err != nil {
			return m.at, err
		}
		m.skip(int64(m.a.Index.Pieces[i].Size), m.at)
	}
	return m.at, nil
}

// right compares the bytes of one piece, and advances if they are right. What cannot be read is not right.
func (m *maker) right(p Piece, there io.ReaderAt, buf []byte) (bool, error) {
	size, want := int64(p.Stored), p.Made
	if size == 0 {
		size, want = int64(p.Size), p.Sum
	}
	var out io.Writer = io.Discard
	if m.tree != nil {
		out = m.tree
	}
	h := sha256.New()
	_, err := io.CopyBuffer(io.MultiWriter(h, out), struct{ io.Reader }{io.NewSectionReader(there, m.at, size)}, buf)
	if err == nil && bytes.Equal(h.Sum(nil), want[:]) {
		m.at += size
		return true, nil
	}
	if m.tree != nil {
		return false, m.tree.Truncate(m.at)
	}
	return false, nil
}

// skip advances by content that need not be made; its bytes end at an offset in the file.
func (m *maker) skip(n, end int64) {
	m.global += n
	m.done += n
	for m.region < len(m.file.Regions) && m.done >= m.file.Regions[m.region].Content {
		m.done -= m.file.Regions[m.region].Content
		m.region++
	}
	m.stored = end - File{Regions: m.file.Regions[:m.region]}.Stored()
}
