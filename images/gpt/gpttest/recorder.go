package gpttest

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"github.com/proa-os/proa/images/gpt"
	"github.com/proa-os/proa/images/layout"
)

// recorder is an overlay over a disk, which it does not change. It records the order in which sectors are written, and
// the flushes.
type recorder struct {
	gpt.Disk
	now    map[int64][]byte // sectors written, by number
	epochs [][]sector       // sectors written between two flushes
	open   []sector
}

type sector struct {
	lba      int64
	old, new []byte
}

func (r *recorder) sector(lba int64) ([]byte, error) {
	if b, ok := r.now[lba]; ok {
		return b, nil
	}
	b := make([]byte, layout.Sector)
	_, err := r.Disk.ReadAt(b, lba*layout.Sector)
	return b, err
}

// ReadAt reads the disk with the overlay.
func (r *recorder) ReadAt(b []byte, off int64) (n int, err error) {
	for n < len(b) {
		s, err := r.sector((off + int64(n)) / layout.Sector)
		if err != nil {
			return n, err
		}
		n += copy(b[n:], s[(off+int64(n))%layout.Sector:])
	}
	return n, nil
}

// WriteAt also writes parts of sectors, as the kernel does.
func (r *recorder) WriteAt(b []byte, off int64) (n int, err error) {
	for n < len(b) {
		lba := (off + int64(n)) / layout.Sector
		old, err := r.sector(lba)
		if err != nil {
			return n, err
		}
		now := bytes.Clone(old)
		n += copy(now[(off+int64(n))%layout.Sector:], b[n:])
		r.now[lba] = now
		r.open = append(r.open, sector{lba, old, now})
	}
	return n, nil
}

// Sync ends an epoch: writes within one may be reordered by the medium.
func (r *recorder) Sync() error {
	if len(r.open) > 0 {
		r.epochs, r.open = append(r.epochs, r.open), nil
	}
	return nil
}

// states returns the disks after each epoch and those within it: every prefix of its sectors, every sector alone, every
// one missing, and every one torn after its predecessors. Writes after the last flush count as an epoch.
func (r *recorder) states() (list []State) {
	_ = r.Sync() // cannot fail
	done := map[int64][]byte{}
	for i, epoch := range r.epochs {
		add := func(name string, torn bool, sectors ...sector) {
			s := State{fmt.Sprintf("run %d, %s", i+1, name), torn, maps.Clone(done)}
			for _, x := range sectors {
				s.Sectors[x.lba] = x.new
			}
			list = append(list, s)
		}
		for n, x := range epoch {
			at := fmt.Sprintf("write %d, sector %d", n+1, x.lba)
			add("before "+at, false, epoch[:n]...)
			add("only "+at, false, x)
			add("without "+at, false, slices.Delete(slices.Clone(epoch), n, n+1)...)
			for _, end := range tears(x) {
				mix := append(bytes.Clone(x.new[:end]), x.old[end:]...)
				add(fmt.Sprintf("%s torn after %d bytes", at, end), true, append(slices.Clone(epoch[:n]), sector{x.lba, nil, mix})...)
			}
		}
		for _, x := range epoch {
			done[x.lba] = x.new
		}
		add("all", false)
	}
	return list
}

// tears returns the offsets at which a torn write gives a sector that is neither the old nor the new one: after each
// differing byte, or if there are many, after the first three and the last three.
func tears(x sector) (ends []int) {
	for i := range x.new {
		if x.new[i] != x.old[i] && !bytes.Equal(x.new[i+1:], x.old[i+1:]) {
			ends = append(ends, i+1)
		}
	}
	if len(ends) > 6 {
		ends = append(ends[:3:3], ends[len(ends)-3:]...)
	}
	return ends
}
