package powercut

import (
	"crypto/sha256"
	"fmt"
	"io"

	"github.com/proa-os/proa/images/sparse"
)

// pageSize is the unit in which contents are compared: FAT clusters and EROFS blocks of proa's images have it too.
const pageSize = 4096

// id names the content of a page: equal contents have equal ids. unread is a page as it is in the base image.
type id uint32

const (
	unread id = iota
	zero
)

// store has the contents of all pages that were seen.
type store struct {
	ids   map[[sha256.Size]byte]id
	pages [][]byte // by id
}

func newStore() *store {
	return &store{ids: map[[sha256.Size]byte]id{}, pages: [][]byte{unread: nil, zero: make([]byte, pageSize)}}
}

// add returns the id of a content. It keeps page, which must not change any more.
func (s *store) add(page []byte) id {
	if sparse.IsZero(page) {
		return zero
	}
	sum := sha256.Sum256(page)
	n, ok := s.ids[sum]
	if !ok {
		n = id(len(s.pages))
		s.ids[sum], s.pages = n, append(s.pages, page)
	}
	return n
}

// Image is a disk in memory, a page table over an image file that is not changed. It is no file system and knows of
// partitions only which writes matter, see Part.
type Image struct {
	base  io.ReaderAt
	size  int64
	store *store
	now   []id // by page
	from  []id // the same in the base image, as far as it was read
	parts []Part
	key   Key
	undo  []change
}

type change struct {
	page int64
	was  id
}

// Key is equal for images with equal contents in all that is compared, and for no others (to 128 bits).
type Key [2]uint64

// newImage returns the disk as it is in the base image.
func newImage(base io.ReaderAt, size int64, parts []Part) *Image {
	pages := (size + pageSize - 1) / pageSize
	return &Image{base: base, size: size, store: newStore(), now: make([]id, pages), from: make([]id, pages), parts: parts}
}

// original returns the content of a page in the base image.
func (m *Image) original(page int64) id {
	n := m.from[page]
	if n == unread {
		b := make([]byte, pageSize)
		if _, err := m.base.ReadAt(b, page*pageSize); err != nil && err != io.EOF {
			panic(fmt.Sprintf("BUG: the base image cannot be read any more: %v", err))
		}
		n = m.store.add(b)
		m.from[page] = n
	}
	return n
}

func (m *Image) at(page int64) id {
	if n := m.now[page]; n != unread {
		return n
	}
	return m.original(page)
}

// set changes a page, and the key if the page counts.
func (m *Image) set(page int64, n id) {
	was := m.at(page)
	if was == n {
		return
	}
	p := m.part(page)
	m.undo = append(m.undo, change{page, was})
	m.exchange(p, page, was, n)
}

// exchange sets a page without a note for undo.
func (m *Image) exchange(p *Part, page int64, was, n id) {
	m.now[page] = n
	switch {
	case p == nil || p.Kind == Compared:
		m.key = m.key.without(page, was, m.original(page)).without(page, n, m.original(page))
	case p.Kind == Whole:
		p.wrong += m.isWrong(p, page, n) - m.isWrong(p, page, was)
	}
}

// isWrong is 1 for a content that is not the wanted one.
func (m *Image) isWrong(p *Part, page int64, n id) int {
	want, ok := p.want[page]
	if p.Want == nil {
		want, ok = m.original(page), true
	}
	if !ok || want == n {
		return 0
	}
	return 1
}

// without adds a page to the key, or removes it; one that is as in the base image is not in the key.
func (k Key) without(page int64, n, original id) Key {
	if n == original {
		return k
	}
	v := uint64(page)<<32 | uint64(n)
	return Key{k[0] ^ mix(v), k[1] ^ mix(^v)}
}

// mix is a bijection in which every bit of the input changes half of the output (splitmix64's finaliser).
func mix(v uint64) uint64 {
	v += 0x9e3779b97f4a7c15
	v = (v ^ v>>30) * 0xbf58476d1ce4e5b9
	v = (v ^ v>>27) * 0x94d049bb133111eb
	return v ^ v>>31
}

// Key returns the key of what is compared, and of the partitions that are whole or not.
func (m *Image) Key() Key {
	k := m.key
	for i, p := range m.parts {
		if p.Kind == Whole && p.wrong == 0 {
			k[0] ^= mix(uint64(i))
		}
	}
	return k
}

// reset makes it the disk at the beginning of the run.
func (m *Image) reset() {
	clear(m.now)
	m.key, m.undo = Key{}, nil
	for i := range m.parts {
		m.parts[i].wrong = m.parts[i].first
	}
}

// mark returns a point that back goes back to.
func (m *Image) mark() int { return len(m.undo) }

func (m *Image) back(mark int) {
	for len(m.undo) > mark {
		c := m.undo[len(m.undo)-1]
		m.undo = m.undo[:len(m.undo)-1]
		m.exchange(m.part(c.page), c.page, m.now[c.page], c.was)
	}
}

// ReadAt implements io.ReaderAt.
func (m *Image) ReadAt(b []byte, off int64) (n int, err error) {
	for n < len(b) && off < m.size {
		page := m.store.pages[m.at(off/pageSize)]
		k := copy(b[n:min(int64(len(b)), int64(n)+m.size-off)], page[off%pageSize:])
		n, off = n+k, off+int64(k)
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// Same returns a text that is equal for ranges of equal content, without reading them.
func (m *Image) Same(off, size int64) string {
	b := make([]byte, 0, 4*(size/pageSize+2)+2)
	b = append(b, byte(off%pageSize>>8), byte(off%pageSize))
	for page := off / pageSize; page*pageSize < off+size; page++ {
		n := m.at(page)
		b = append(b, byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
	}
	return string(b)
}

// Differences calls f with each page that is not as in the base image.
func (m *Image) Differences(f func(off int64, page []byte) error) error {
	for page, n := range m.now {
		if n == unread || n == m.original(int64(page)) {
			continue
		}
		off := int64(page) * pageSize
		if err := f(off, m.store.pages[n][:min(pageSize, m.size-off)]); err != nil {
			return err
		}
	}
	return nil
}
