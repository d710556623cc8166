package pack

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/proa-os/proa/images/payload"
	"github.com/proa-os/proa/images/slotfile"
)

// watched reads a payload file and notes how much memory is in use meanwhile.
type watched struct {
	file
	most uint64
}

func (w *watched) ReadFrame(ctx context.Context, at payload.Range, sum payload.Sum, b []byte) error {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	w.most = max(w.most, m.HeapAlloc)
	return w.file.ReadFrame(ctx, at, sum, b)
}

// TestMemory: a slot of 60 MB is made with less than 8 MiB of memory, an index of 2500 files included.
func TestMemory(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	s := slot{"boot/vmlinuz": random(r, 3<<20), "root/bin/k3s": bytes.Repeat(random(r, 30<<10), 1000)}
	for i := range 2500 {
		s[fmt.Sprintf("root/usr/lib/modules/6.12.117+deb13-amd64/kernel/drivers/net/ethernet/vendor/module-%04d.ko", i)] = random(r, 4200+r.IntN(10_000))
	}
	old, _ := s.contents(t)
	c, _ := s.with(func(s slot) { s["root/bin/k3s"] = edited(r, s["root/bin/k3s"]) }).contents(t)
	f, x := packed(t, c, &old)
	head := bytes.Clone(f.b[:x.Length])
	w := &watched{file: *f}
	var before runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	x, err := payload.ParseIndex(head)
	must(t, err)
	a, err := payload.NewAssembler(payload.Options{Manifest: c.Manifest, Index: x, Frames: w, Old: old, Forms: forms})
	must(t, err)
	m, _ := a.Manifest()
	for _, f := range m.Files {
		_, err := io.Copy(io.Discard, &sequential{t.Context(), a, f, 0})
		must(t, err)
	}
	must(t, a.End(t.Context()))
	if used := int64(w.most) - int64(before.HeapAlloc); w.most == 0 || used > 8<<20 {
		t.Errorf("%d bytes of memory in use", used)
	}
}

// sequential reads a file of a slot.
type sequential struct {
	ctx context.Context
	a   *payload.Assembler
	f   slotfile.File
	at  int64
}

func (s *sequential) Read(b []byte) (int, error) {
	if s.at == s.f.Size {
		return 0, io.EOF
	}
	b = b[:min(int64(len(b)), s.f.Size-s.at)]
	err := s.a.ReadRange(s.ctx, s.f, s.at, b)
	s.at += int64(len(b))
	return len(b), err
}
