package target

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/proa-os/proa/images/disks"
	"github.com/proa-os/proa/images/gpt"
	"github.com/proa-os/proa/images/layout"
)

var spec = layout.Spec{FirstLBA: 2048, Align: layout.MiB, BIOSSize: layout.MiB, BootSize: 40 * layout.MiB, RootSize: 4 * layout.MiB}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// disk is a file in the place of one.
func disk(t *testing.T, size int64, fill func(*os.File)) Disk {
	t.Helper()
	file := filepath.Join(t.TempDir(), "disk")
	f, err := os.Create(file)
	must(t, err)
	defer f.Close()
	must(t, f.Truncate(size))
	fill(f)
	d := Disk{Disk: disks.Disk{Name: "vda", Size: size}, Path: file}
	d.look(spec)
	return d
}

// TestLook: what is on a disk.
func TestLook(t *testing.T) {
	const size = 4 << 30
	for name, c := range map[string]struct {
		fill  func(*os.File)
		has   string
		used  bool
		keeps bool
	}{
		"new":           {func(*os.File) {}, "empty", false, false},
		"a file system": {func(f *os.File) { f.WriteAt([]byte{0x53, 0xef}, 1080) }, "data without partitions", true, false},
		"a RAID member": {func(f *os.File) { f.WriteAt([]byte("RAID"), size-8192) }, "data without partitions", true, false},
		"a lost table":  {func(f *os.File) { f.WriteAt(bytes.Repeat([]byte("photo"), 40<<20/5), 1<<30) }, "data without partitions", true, false},
		"proa without data": {func(f *os.File) {
			table, _ := spec.Fit(spec.ImageSize())
			must(t, gpt.Write(f, size, table, gpt.Derive("x", table)))
		}, "proa", true, false},
		"proa": {func(f *os.File) {
			table, _ := spec.Fit(size)
			must(t, gpt.Write(f, size, table, gpt.Derive("x", table)))
		}, "proa", true, true},
		"another proa": {func(f *os.File) {
			other := spec
			other.RootSize *= 2
			table, _ := other.Fit(size)
			must(t, gpt.Write(f, size, table, gpt.Derive("x", table)))
		}, "proa", true, false},
	} {
		if d := disk(t, size, c.fill); d.Has != c.has || d.Used != c.used || d.Keeps != c.keeps || d.Why != "" {
			t.Errorf("%s: %+v", name, d)
		}
	}
	if d := (&Disk{Path: "/nonexistent"}); true {
		if d.look(spec); d.Why == "" {
			t.Error("a disk that cannot be read is a target")
		}
	}
}

// TestChoose: only targets are chosen, unless one is named; then the reason is said.
func TestChoose(t *testing.T) {
	list := []Disk{
		{Disk: disks.Disk{Name: "vda", Serial: "A", Size: 1 << 30}, Path: "/dev/vda", Why: "is too small"},
		{Disk: disks.Disk{Name: "vdb", Serial: "B", Size: 8 << 30, Model: "Twin"}, Path: "/dev/vdb"},
		{Disk: disks.Disk{Name: "vdc", Serial: "C", Size: 8 << 30, Model: "Twin"}, Path: "/dev/vdc"},
	}
	for text, want := range map[string]string{"smallest": "vdb", "serial=C": "vdc", "/dev/vdb": "vdb",
		"/dev/vda": "/dev/vda is too small", "model=Twin": "2 disks fit", "": "2 disks fit", "nonsense=1": "device:"} {
		d, err := Choose(list, text)
		if err != nil && !strings.Contains(err.Error(), want) || err == nil && d.Name != want {
			t.Errorf("%q: %s, %v; want %s", text, d.Name, err, want)
		}
	}
	if d, err := Choose(list[:2], ""); err != nil || d.Name != "vdb" {
		t.Errorf("the only one: %v, %v", d.Name, err)
	}
}

func TestPreflight(t *testing.T) {
	good := Disk{Disk: disks.Disk{Size: 64 << 30}, Keeps: true}
	const key = "ssh_authorized_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJrI9bLpDHxMWfjD0OTMwwHUnhcGE1ey4Yo/lfXoTLiP]\n"
	for name, c := range map[string]struct {
		facts Facts
		want  string
	}{
		"nothing":   {Facts{Disk: good, Config: []byte(key)}, ""},
		"no target": {Facts{Disk: Disk{Disk: good.Disk, Why: "is mounted"}, Config: []byte(key)}, "stop: is mounted"},
		"keep":      {Facts{Disk: Disk{Disk: good.Disk}, Config: []byte(key), Keep: true}, "stop: the disk has no data partition"},
		"locked":    {Facts{Disk: good}, "warn: nobody can log in"},
		"typo":      {Facts{Disk: good, Config: []byte(key + "hostnam: a\n")}, "warn: the configuration has 1 problems"},
		"small":     {Facts{Disk: Disk{Disk: disks.Disk{Size: 2 << 30}}, Config: []byte(key)}, "warn: the disk has 2.0 GiB"},
		"usb":       {Facts{Disk: Disk{Disk: disks.Disk{Size: 64 << 30, Bus: "usb"}}, Config: []byte(key)}, "warn: the disk is connected by USB"},
	} {
		c.facts.Root = t.TempDir()
		var got []string
		for _, f := range Preflight(c.facts) {
			got = append(got, f.String())
		}
		if (c.want == "") != (len(got) == 0) || len(got) > 0 && !strings.HasPrefix(got[0], c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	root := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(root, "proc"), 0o755))
	must(t, os.WriteFile(filepath.Join(root, "proc/meminfo"), []byte("MemTotal:         500000 kB\n"), 0o600))
	if text := memory(Facts{Root: root}); !strings.Contains(text, "a server needs 1.0 GiB") {
		t.Errorf("little memory: %q", text)
	}
}
