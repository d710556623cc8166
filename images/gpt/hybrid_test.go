package gpt

import (
	"bytes"
	"strings"
	"testing"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/mbr"
)

// TestHybridStaysThroughAppend: the MBR that a boot ROM reads does not change when the data partition is added.
func TestHybridStaysThroughAppend(t *testing.T) {
	const size = 2 << 30
	name, f := image(t, size)
	table, _, err := Read(f, pc().ImageSize())
	if err != nil {
		t.Fatal(err)
	}
	if err := Hybrid(f, table); err != nil {
		t.Fatal(err)
	}
	before, after := make([]byte, mbr.Size), make([]byte, mbr.Size)
	if _, err := f.ReadAt(before, 0); err != nil {
		t.Fatal(err)
	}
	log := &lowest{Disk: f, first: size}
	data, ok := table.Rest(size, layout.MiB)
	if !ok {
		t.Fatal("no room for data")
	}
	if err := Append(log, size, data, DeriveGUID("test", "data")); err != nil {
		t.Fatal(err)
	}
	if _, err := f.ReadAt(after, 0); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the MBR changed: %v", err)
	}
	if log.first < mbr.Size {
		t.Errorf("a write at %d touched the MBR", log.first)
	}
	grown, _, err := Read(f, size)
	if err != nil || len(grown) != len(table)+1 {
		t.Errorf("%d partitions, %v", len(grown), err)
	}
	out := sgdisk(t, "-v", name)
	if !strings.Contains(out, "No problems found") {
		t.Error(out)
	}
	if out := sgdisk(t, "-p", name); !strings.Contains(out, "data") {
		t.Error(out)
	}
}

// lowest records the lowest offset written to.
type lowest struct {
	Disk
	first int64
}

func (w *lowest) WriteAt(b []byte, off int64) (int, error) {
	if off < w.first {
		w.first = off
	}
	return w.Disk.WriteAt(b, off)
}
