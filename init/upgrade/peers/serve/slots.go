package serve

import (
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/payload"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/init/upgrade/peers/question"
	"github.com/proa-os/proa/init/upgrade/peers/share"
)

// Slots are those of this machine, as they are read.
type Slots struct {
	Current, Other layout.Slot
	// Files calls do with a slot's directory of boot files.
	Files func(of layout.Slot, do func(dir string) error) error
	// Devices have the roots.
	Devices map[layout.Slot]string
	Note    string // share.File
	// Busy says whether another program writes the other slot.
	Busy func() bool

	mu   sync.Mutex
	held map[layout.Slot]held
}

// held is what was read of a slot.
type held struct {
	view *view
	at   time.Time
}

// fresh is how long what was read of the other slot counts.
const fresh = 10 * time.Second

// view is a slot as far as others may have it.
type view struct {
	slot     layout.Slot
	manifest payload.Sum
	m        slotfile.Manifest
	state    question.State
	boot     bool
	root     int64
	moved    int64
}

// views returns the slots that have something to give.
func (s *Slots) views() (list []*view) {
	if v := s.complete(s.Current, 0); v != nil {
		list = append(list, v)
	}
	if s.Busy() {
		s.mu.Lock()
		delete(s.held, s.Other)
		s.mu.Unlock()
		if v := s.written(); v != nil {
			list = append(list, v)
		}
	} else if v := s.complete(s.Other, fresh); v != nil {
		list = append(list, v)
	}
	return list
}

// complete returns a slot that has a manifest, which is written last. life is how long it counts; 0: for good.
func (s *Slots) complete(of layout.Slot, life time.Duration) *view {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h, ok := s.held[of]; ok && (life == 0 && h.view != nil || time.Since(h.at) < max(life, fresh)) {
		return h.view
	}
	var text []byte
	err := s.Files(of, func(dir string) (err error) {
		text, err = os.ReadFile(filepath.Join(dir, slotfile.ManifestName))
		return err
	})
	var v *view
	if err == nil {
		v = viewOf(of, text)
	}
	if v != nil {
		v.state, v.boot, v.root = question.Has, true, v.m.Root.Image
	}
	if s.held == nil {
		s.held = map[layout.Slot]held{}
	}
	s.held[of] = held{v, time.Now()}
	return v
}

// written returns the other slot as far as it is written.
func (s *Slots) written() *view {
	n, err := share.Read(s.Note)
	if err != nil {
		return nil
	}
	v := viewOf(s.Other, []byte(n.Manifest))
	if v == nil {
		return nil
	}
	v.state, v.boot, v.root, v.moved = n.State, n.Boot, min(n.Root, v.m.Root.Image), n.Moved
	return v
}

// between says whether another program writes the other slot and has not said, or no longer says, what.
func (s *Slots) between() bool { return s.Busy() && s.written() == nil }

func viewOf(of layout.Slot, text []byte) *view {
	m, err := slotfile.ParseManifest(text)
	if err != nil {
		return nil
	}
	return &view{slot: of, manifest: sha256.Sum256(text), m: m}
}

// answer says what this machine has of a slot; ok is false if it has nothing.
func (s *Slots) answer(manifest payload.Sum) (a question.Answer, ok bool) {
	for _, v := range s.views() {
		if v.manifest == manifest && (!ok || v.state > a.State) {
			a, ok = question.Answer{State: v.state, Boot: v.boot, Root: v.root, Moved: v.moved}, true
		}
	}
	return a, ok
}

// find returns a file by its sha256, and how much of it there is.
func (s *Slots) find(sum string) *file {
	for _, v := range s.views() {
		for _, f := range v.m.Files {
			if f.SHA256 != sum {
				continue
			}
			if there := s.open(v, f); there != nil && !there.missing() {
				return there
			}
		}
	}
	return nil
}

// open returns a file of a slot; nil: there is none yet.
func (s *Slots) open(v *view, f slotfile.File) *file {
	name, own := f.For(v.slot)
	switch {
	case f.Name == slotfile.RootName && v.root > 0:
		return &file{size: f.Size, have: v.root, read: device(s.Devices[v.slot])}
	case f.Name != slotfile.RootName && own && v.boot:
		return &file{size: f.Size, have: f.Size, read: s.bootFile(v.slot, name)}
	}
	return nil
}

// file is one that can be given.
type file struct {
	size, have int64 // bytes
	read       func(b []byte, off int64) (int, error)
}

// missing says whether the file cannot be read: some are written last. It is known before anything is given.
func (f *file) missing() bool {
	n, _ := f.read(make([]byte, 1), 0)
	return n == 0 && f.size > 0
}

func device(path string) func(b []byte, off int64) (int, error) {
	return func(b []byte, off int64) (int, error) {
		f, err := os.Open(path)
		if err != nil {
			return 0, err
		}
		defer f.Close() // it was only read
		n, err := f.ReadAt(b, off)
		forget(f, off, int64(n))
		return n, err
	}
}

// bootFile reads a file of a slot's directory, which some boards mount for that time only.
func (s *Slots) bootFile(of layout.Slot, name string) func(b []byte, off int64) (int, error) {
	return func(b []byte, off int64) (n int, err error) {
		err = s.Files(of, func(dir string) error {
			f, err := os.Open(filepath.Join(dir, name))
			if err != nil {
				return err
			}
			defer f.Close() // it was only read
			n, err = f.ReadAt(b, off)
			return err
		})
		return n, err
	}
}

// block is how much is read at once.
const block = 256 << 10

// reader reads what there is of a file, block by block.
type reader struct {
	*file
	pace func(n int) error // called before bytes are given
	at   int64
	from int64 // of the block
	b    []byte
}

// Seek implements io.Seeker.
func (r *reader) Seek(off int64, whence int) (int64, error) {
	base := map[int]int64{io.SeekStart: 0, io.SeekCurrent: r.at, io.SeekEnd: r.have}[whence]
	if base+off < 0 {
		return 0, errors.New("seek before the beginning")
	}
	r.at = base + off
	return r.at, nil
}

// Read implements io.Reader.
func (r *reader) Read(b []byte) (int, error) {
	if r.at >= r.have {
		return 0, io.EOF
	}
	if r.at < r.from || r.at >= r.from+int64(len(r.b)) {
		if err := r.load(); err != nil {
			return 0, err
		}
	}
	n := copy(b, r.b[r.at-r.from:])
	if err := r.pace(n); err != nil {
		return 0, err
	}
	r.at += int64(n)
	return n, nil
}

func (r *reader) load() error {
	if r.b == nil {
		r.b = make([]byte, block)
	}
	r.from, r.b = r.at, r.b[:min(block, r.have-r.at)]
	n, err := r.read(r.b, r.from)
	if r.b = r.b[:n]; n > 0 {
		return nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF // shorter than the manifest says
	}
	return err
}
