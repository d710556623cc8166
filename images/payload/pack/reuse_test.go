package pack

import (
	"context"
	"testing"

	"github.com/proa-os/proa/images/payload"
)

// TestReuse: without a patch a device takes from "full" only what it has not, and what it has not any more as well.
func TestReuse(t *testing.T) {
	old, _ := base(10).contents(t)
	c, _ := base(10).with(func(s slot) {
		s["root/bin/moved"] = s["root/bin/k3s"]
		s["boot/vmlinuz"] = edit(s["boot/vmlinuz"], 5)
		delete(s, "root/bin/k3s")
	}).contents(t)
	full, x := packed(t, c, nil)
	f, err := newFinder(old)
	must(t, err)
	reused := x.Reuse(func(s payload.Sum) (payload.Ref, bool) {
		a, ok := f.sum[s]
		if !ok {
			return payload.Ref{}, false
		}
		return f.ref(a, 0, f.x.Files[a.file].Regions[a.region].Content), true
	})
	o := payload.Options{Manifest: c.Manifest, Index: reused, Frames: full, Old: old, Forms: forms,
		Full: func(context.Context) (*payload.Index, payload.Frames, error) { return x, full, nil }}
	must(t, payload.Verify(t.Context(), o))
	if full.read == 0 || full.read > int64(len(full.b))/3 {
		t.Errorf("%d bytes of %d were read", full.read, len(full.b))
	}
	other, _ := base(11).contents(t)
	o.Old, full.read = other, 0
	must(t, payload.Verify(t.Context(), o))
	if full.read < int64(len(full.b))*9/10 {
		t.Errorf("%d bytes of %d were read", full.read, len(full.b))
	}
}
