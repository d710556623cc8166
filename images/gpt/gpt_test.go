package gpt

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proa-os/proa/build/oracle"
	"github.com/proa-os/proa/images/layout"
)

func pc() layout.Spec {
	return layout.Spec{FirstLBA: 2048, Align: layout.MiB, BIOSSize: layout.MiB, BootSize: 40 * layout.MiB, RootSize: 64 * layout.MiB}
}

// image writes a table of an image to a file of size bytes, as flashing does.
func image(t *testing.T, size int64) (string, *os.File) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "disk.img")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	table, err := pc().Fit(pc().ImageSize())
	if err != nil {
		t.Fatal(err)
	}
	if err := Write(f, pc().ImageSize(), table, Derive("test", table)); err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	return name, f
}

func sgdisk(t *testing.T, args ...string) string {
	t.Helper()
	bin := oracle.Tool(t, "sgdisk")
	out, err := exec.Command(bin, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("sgdisk %v: %v\n%s", args, err, out)
	}
	return string(out)
}

func TestSgdiskFindsNothing(t *testing.T) {
	name, _ := image(t, pc().ImageSize())
	if out := sgdisk(t, "-v", name); !strings.Contains(out, "No problems found") {
		t.Error(out)
	}
	for _, want := range []string{"C12A7328-F81F-11D2-BA4B-00A0C93EC93B", "Partition name: 'boot'", DeriveGUID("test", "partition", "boot")} {
		if out := sgdisk(t, "-i", "2", name); !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// The first boot of a flashed disk: data takes the rest, and the backup GPT moves to the end.
func TestAppendOnALargerDisk(t *testing.T) {
	for _, size := range []int64{1_000_341_504, 3_000_592_982_016} {
		appendTo(t, size)
	}
}

func appendTo(t *testing.T, size int64) {
	name, f := image(t, size)
	table, ids, err := Read(f, size)
	if err != nil {
		t.Fatal(err)
	}
	data, ok := table.Rest(size, layout.Align)
	if !ok {
		t.Fatal("no room for data")
	}
	const guid = "0A7A0000-1111-4222-8333-444455556666"
	if err := Append(f, size, data, guid); err != nil {
		t.Fatal(err)
	}
	if out := sgdisk(t, "-v", name); !strings.Contains(out, "No problems found") {
		t.Error(out)
	}
	want, err := pc().Fit(size)
	if err != nil {
		t.Fatal(err)
	}
	got, now, err := Read(f, size)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		want[i].Label = "" // not in the table
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	ids.Partitions["data"] = guid
	if diff := cmp.Diff(ids, now); diff != "" {
		t.Error(diff)
	}
	if err := Append(f, size, data, guid); err == nil {
		t.Error("data was made twice")
	}
}

func TestAppendRefuses(t *testing.T) {
	_, f := image(t, 600*layout.MiB)
	for name, p := range map[string]layout.Partition{
		"overlap":  {Index: 9, Name: "x", Type: layout.TypeLinux, Start: 50 * layout.MiB, Size: layout.MiB},
		"index":    {Index: 2, Name: "x", Type: layout.TypeLinux, Start: 300 * layout.MiB, Size: layout.MiB},
		"name":     {Index: 9, Name: "boot", Type: layout.TypeLinux, Start: 300 * layout.MiB, Size: layout.MiB},
		"too long": {Index: 9, Name: "x", Type: layout.TypeLinux, Start: 300 * layout.MiB, Size: 300 * layout.MiB},
	} {
		if err := Append(f, 600*layout.MiB, p, DeriveGUID("x")); err == nil {
			t.Errorf("%s accepted", name)
		}
	}
	table, _ := pc().Fit(pc().ImageSize())
	if err := Write(f, pc().ImageSize(), table, GUIDs{Disk: DeriveGUID("x")}); err == nil {
		t.Error("a partition without GUID was written")
	}
}
