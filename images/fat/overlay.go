package fat

import (
	"io"

	"github.com/proa-os/proa/images/layout"
)

// overlay holds back what is written to an image until commit, sector by sector, in the order of the first writes.
type overlay struct {
	Image
	sectors map[int64][]byte // by their offset
	order   []int64
}

func newOverlay(img Image) *overlay { return &overlay{Image: img, sectors: map[int64][]byte{}} }

// ReadAt implements io.ReaderAt over what was written and what was there.
func (o *overlay) ReadAt(p []byte, off int64) (int, error) {
	n, err := o.Image.ReadAt(p, off)
	for at := off - off%layout.Sector; at < off+int64(n); at += layout.Sector {
		if s := o.sectors[at]; s != nil {
			from := max(at, off)
			copy(p[from-off:n], s[from-at:])
		}
	}
	return n, err
}

// WriteAt implements io.WriterAt; of a sector that is written in part the rest is read first.
func (o *overlay) WriteAt(p []byte, off int64) (int, error) {
	for done := 0; done < len(p); {
		at := (off + int64(done)) / layout.Sector * layout.Sector
		s := o.sectors[at]
		if s == nil {
			s = make([]byte, layout.Sector)
			if _, err := o.Image.ReadAt(s, at); err != nil && err != io.EOF {
				return done, err
			}
			o.sectors[at], o.order = s, append(o.order, at)
		}
		done += copy(s[off+int64(done)-at:], p[done:])
	}
	return len(p), nil
}

// commit writes everything to the image.
func (o *overlay) commit() error {
	for _, at := range o.order {
		if _, err := o.Image.WriteAt(o.sectors[at], at); err != nil {
			return err
		}
	}
	return nil
}
