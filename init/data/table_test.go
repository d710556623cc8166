package data

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/proa-os/proa/images/gpt"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/sys"
	"golang.org/x/sys/unix"
)

// image is a flashed disk in a file: its table is really changed, only the kernel cannot be notified.
func image(t *testing.T, size int64) (f *os.File, table layout.Table) {
	t.Helper()
	spec := layout.Spec{FirstLBA: 2048, Align: layout.MiB, BIOSSize: layout.MiB, BootSize: 2 * layout.MiB, RootSize: 2 * layout.MiB}
	table, err := spec.Fit(spec.ImageSize())
	must(t, err)
	f, err = os.Create(filepath.Join(t.TempDir(), "disk"))
	must(t, err)
	t.Cleanup(func() { f.Close() })
	must(t, f.Truncate(size))
	must(t, gpt.Write(f, size, table, gpt.Derive("test", table)))
	return f, table
}

// tables returns the begin and the end of a disk, where the primary and the backup GPT are.
func tables(t *testing.T, f *os.File) []byte {
	t.Helper()
	size, err := f.Seek(0, 2)
	must(t, err)
	both := make([]byte, 2*layout.MiB)
	_, err = f.ReadAt(both[:layout.MiB], 0)
	must(t, err)
	_, err = f.ReadAt(both[layout.MiB:], size-layout.MiB)
	must(t, err)
	return both
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestCreate: the new partition takes the rest of the disk and is marked as unformatted; only the table changes on the
// disk.
func TestCreate(t *testing.T) {
	const size = 1024 * layout.MiB
	f, table := image(t, size)
	rest, ok := table.Rest(size, align)
	if !ok {
		t.Fatal("no room")
	}
	if _, err := (Disk{Name: "vda", Logf: t.Logf}).create(f, size, table); !errors.Is(err, unix.ENOTTY) {
		t.Fatalf("a file is no disk, but: %v", err)
	}
	after, _, err := gpt.Read(f, size)
	must(t, err)
	p, err := after.Find(layout.Data, layout.Shared)
	if err != nil || p.Start != rest.Start || p.Size != rest.Size || p.Size < size/2 || !p.Blank {
		t.Errorf("%+v, want %+v; %v", p, rest, err)
	}
	must(t, ours(after))
}

// TestGrow: on a larger disk the partition grows and does not move; on the same disk nothing is written.
func TestGrow(t *testing.T) {
	const size, larger = 1024 * layout.MiB, 2048 * layout.MiB
	f, table := image(t, size)
	d := Disk{Name: "vda", Logf: t.Logf}
	_, _ = d.create(f, size, table) // the kernel cannot be notified
	table, _, err := gpt.Read(f, size)
	must(t, err)
	old, err := table.Find(layout.Data, layout.Shared)
	must(t, err)
	before := tables(t, f)
	if p := d.grow(f, size, table, old); p != old {
		t.Errorf("grew on the same disk: %+v", p)
	}
	if !bytes.Equal(before, tables(t, f)) {
		t.Error("the same disk was written to")
	}
	must(t, f.Truncate(larger))
	if p := d.grow(f, larger, table, old); p != old {
		t.Errorf("a file is no disk, but the kernel knows of %+v", p)
	}
	table, _, err = gpt.Read(f, larger)
	must(t, err)
	if p, err := table.Find(layout.Data, layout.Shared); err != nil || p.Start != old.Start || p.Size < old.Size+size-2*layout.MiB {
		t.Errorf("%+v, was %+v; %v", p, old, err)
	}
}

// TestNoRoom: a disk no larger than the image has no space for data: an error, and nothing is written.
func TestNoRoom(t *testing.T) {
	spec := layout.Spec{FirstLBA: 2048, Align: layout.MiB, BIOSSize: layout.MiB, BootSize: 2 * layout.MiB, RootSize: 2 * layout.MiB}
	f, table := image(t, spec.ImageSize())
	before := tables(t, f)
	if _, err := (Disk{Name: "vda", Logf: t.Logf}).create(f, spec.ImageSize(), table); err == nil || !strings.Contains(err.Error(), "no room") {
		t.Errorf("%v", err)
	}
	if !bytes.Equal(before, tables(t, f)) {
		t.Error("the disk was written to")
	}
}

func TestUnknownDisk(t *testing.T) {
	if err := (Disk{Logf: t.Logf}).Mount(t.Context(), "/nowhere"); err == nil {
		t.Error("mounted nothing")
	}
	if err := (Disk{Sys: &sys.Fake{}, Logf: t.Logf}).sound(t.Context(), filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a device that is not there passes for sound")
	}
}

// TestReviveLeavesOthersAlone: a disk whose primary or backup GPT is not proa's is not written to, even if it is
// damaged.
func TestReviveLeavesOthersAlone(t *testing.T) {
	f, table := image(t, 1024*layout.MiB)
	table[0].Name = "EFI system partition"
	must(t, gpt.Write(f, 1024*layout.MiB, table, gpt.Derive("test", table)))
	_, err := f.WriteAt(make([]byte, layout.Sector), layout.Sector)
	must(t, err)
	before := tables(t, f)
	if done, err := Revive(f.Name()); done != "" || err == nil || !strings.Contains(err.Error(), "does not belong to proa") {
		t.Errorf("%q, %v", done, err)
	}
	if !bytes.Equal(before, tables(t, f)) {
		t.Error("a stranger's disk was written to")
	}
}

// TestReviveLeavesSoundOnesAlone: stage 1 may check a disk before the kernel has read its table; a table that the
// kernel can read is not changed.
func TestReviveLeavesSoundOnesAlone(t *testing.T) {
	f, _ := image(t, 64*layout.MiB)
	must(t, f.Truncate(128*layout.MiB)) // as flashed: the backup GPT is not at the end
	before := tables(t, f)
	if done, err := Revive(f.Name()); done != "" || err != nil || !bytes.Equal(before, tables(t, f)) {
		t.Errorf("%q, %v", done, err)
	}
}
