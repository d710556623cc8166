package pack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/proa-os/proa/images/payload"
	"github.com/proa-os/proa/images/slotfile"
)

// stores is a running slot that has its root as it is stored.
type stores struct {
	Contents
	root  []byte
	form  string
	spoil bool
	gave  int
}

func (s *stores) AppendStored(_ context.Context, form string, from payload.Ref, dst []byte) ([]byte, error) {
	if form != s.form || from.File != slotfile.RootName || from.Offset%cluster != 0 && from.Path != "" {
		return dst, errors.New("not stored so")
	}
	at := int64(0)
	for _, f := range s.Files {
		for _, r := range f.Regions {
			if f.Name != slotfile.RootName {
				continue
			}
			if r.Path == from.Path {
				skipped, err := s.made(r, 0, from.Offset)
				if err != nil {
					return dst, err
				}
				taken, err := s.made(r, from.Offset, from.Offset+from.Length)
				if err != nil {
					return dst, err
				}
				s.gave++
				begin := at + int64(len(skipped))
				dst = append(dst, s.root[begin:begin+int64(len(taken))]...)
				if s.spoil {
					dst[len(dst)-1] ^= 1
				}
				return dst, nil
			}
			at += r.Stored
		}
	}
	return dst, fmt.Errorf("no %s", from.Path)
}

// made returns what the test's codec makes of a part of a content.
func (s *stores) made(r Source, from, to int64) (out []byte, err error) {
	all, err := r.Content.ReadAll()
	if err != nil || r.Path == "" {
		return all[from:to], err
	}
	for ; from < to; from += cluster {
		if out, err = encode(out, all[from:min(from+cluster, to)]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// TestStored: what is copied from the running slot is not encoded again where that has it in the same form and the bytes
// are right; else it is, and the slot is the same.
func TestStored(t *testing.T) {
	old, had := base(20).contents(t)
	c, _ := base(20).with(func(s slot) {
		s["root/bin/k3s"] = edit(s["root/bin/k3s"], 3)
		s["root/etc/new"] = bytes.Repeat([]byte("new"), 2000)
	}).contents(t)
	patch, x := packed(t, c, &old)
	root, err := had.Root.ReadAll()
	must(t, err)
	encoded := 0
	counting := payload.Forms{"zstd-test": forms["zstd-test"], "erofs-test": {Cluster: cluster, Encode: func(dst, content []byte) ([]byte, error) {
		encoded++
		return encode(dst, content)
	}}}
	all := 0
	for name, s := range map[string]*stores{"": {form: "erofs-test"}, "another form": {form: "erofs-zstd-1"}, "other bytes": {form: "erofs-test", spoil: true}} {
		s.Contents, s.root = old, root
		encoded = 0
		must(t, payload.Verify(t.Context(), payload.Options{Manifest: c.Manifest, Index: x, Frames: patch, Old: s, Forms: counting}))
		t.Logf("%q: %d clusters were encoded, %d contents copied as they are stored", name, encoded, s.gave)
		if all = max(all, encoded); name == "" && (s.gave == 0 || encoded == 0) || name == "other bytes" && s.gave == 0 {
			t.Errorf("%q: %d clusters were encoded, %d contents copied", name, encoded, s.gave)
		}
	}
	s := &stores{Contents: old, root: root, form: "erofs-test"}
	encoded = 0
	must(t, payload.Verify(t.Context(), payload.Options{Manifest: c.Manifest, Index: x, Frames: patch, Old: s, Forms: counting}))
	if copied := clusters(x, payload.OpCopy); all-encoded < copied/2 {
		t.Errorf("%d clusters were encoded, %d with a slot that does not have them so", encoded, all)
	}
}

// clusters returns about how many clusters the pieces of an operation have.
func clusters(x *payload.Index, op payload.Op) (n int) {
	for _, p := range x.Pieces {
		if p.Op == op && p.Stored > 0 {
			n += p.Size / cluster
		}
	}
	return n
}
