package pack

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"testing"

	"github.com/proa-os/proa/images/payload"
	"github.com/proa-os/proa/images/slotfile"
)

// neighbour has the files of a slot.
type neighbour struct {
	files map[string][]byte
	spoil bool // each byte is wrong at first
	calls int
	end   int // calls after which it is gone; 0: it stays
	gave  int64
}

func neighbours(t *testing.T, c slotfile.Contents) *neighbour {
	n := &neighbour{files: map[string][]byte{}}
	for _, e := range c.Files {
		b, err := e.Content.ReadAll()
		must(t, err)
		n.files[e.Path] = b
	}
	b, err := c.Root.ReadAll()
	must(t, err)
	n.files[slotfile.RootName] = b
	return n
}

func (n *neighbour) ReadParts(_ context.Context, parts []payload.Part, b []byte, right func() bool) {
	if n.calls++; n.end > 0 && n.calls > n.end {
		return
	}
	into := b
	for _, p := range parts {
		copy(into[:p.Length], n.files[p.File.Name][p.Offset:])
		into = into[p.Length:]
	}
	if n.spoil {
		b[len(b)/2] ^= 1
	}
	if right() {
		n.gave += int64(len(b))
	}
}

func (n *neighbour) Sums(_ context.Context, f slotfile.File) (list []payload.Sum) {
	b := bytes.NewReader(n.files[f.Name])
	for b.Len() > 0 {
		part, _ := io.ReadAll(io.LimitReader(b, payload.PartSize))
		list = append(list, sha256.Sum256(part))
	}
	return list
}

// TestNearby: what is not copied comes from those nearby, in files of each form; what they have wrong, or no longer, is
// made from frames. The slot is the same.
func TestNearby(t *testing.T) {
	old, _ := base(31).contents(t)
	c, files := changed(base(31), 31).contents(t)
	patch, x := packed(t, c, &old)
	all := neighbours(t, files)
	run := func(n *neighbour) (read int64) {
		patch.read = 0
		must(t, payload.Verify(t.Context(), payload.Options{Manifest: c.Manifest, Index: x, Frames: patch, Old: old, Forms: forms, Nearby: n}))
		return patch.read
	}
	if read := run(all); read != 0 || all.gave == 0 {
		t.Errorf("%d bytes were fetched, %d came from nearby", read, all.gave)
	}
	frames := x.Fetched() - x.Length
	if read := run(&neighbour{files: all.files, spoil: true}); read < frames {
		t.Errorf("%d bytes were fetched of %d, and those nearby lie", read, frames)
	}
	for end := 1; end < all.calls; end += all.calls / 4 {
		n := &neighbour{files: all.files, end: end}
		if read := run(n); read == 0 || read > frames {
			t.Errorf("gone after %d of %d calls: %d bytes were fetched of %d", end, all.calls, read, frames)
		}
	}
}
