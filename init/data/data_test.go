package data

import (
	"bytes"
	"context"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/proc"
	"github.com/proa-os/proa/init/sys"
)

func TestPartitionName(t *testing.T) {
	for want, disk := range map[string]string{"vda5": "vda", "nvme0n1p5": "nvme0n1", "mmcblk0p5": "mmcblk0"} {
		if got := PartitionName(disk, 5); got != want {
			t.Errorf("%s: %s", disk, got)
		}
	}
}

func TestOurs(t *testing.T) {
	spec := layout.Spec{FirstLBA: 2048, Align: layout.MiB, BIOSSize: layout.MiB, BootSize: 64 * layout.MiB, RootSize: 64 * layout.MiB}
	table, err := spec.Fit(spec.ImageSize())
	if err != nil {
		t.Fatal(err)
	}
	if err := ours(table); err != nil {
		t.Errorf("our own table: %v", err)
	}
	if err := ours(append(table, layout.Partition{Index: 7, Name: "Basic data partition"})); err == nil {
		t.Error("a stranger's partition on the disk")
	}
	if err := ours(table[:2]); err == nil {
		t.Error("a table without roots")
	}
}

// TestInspect: only proa's own file system, or its backup superblock, is accepted as data.
func TestInspect(t *testing.T) {
	image := make([]byte, 40<<20)
	put := func(at int64, label string, group uint16) {
		sb := image[at:][:superblockOf]
		binary.LittleEndian.PutUint16(sb[0x38:], 0xef53)
		binary.LittleEndian.PutUint32(sb[0x18:], 0) // blocks of 1024 bytes
		binary.LittleEndian.PutUint16(sb[0x5a:], group)
		copy(sb[0x78:0x88], label+strings.Repeat("\x00", 16))
	}
	for _, c := range []struct {
		name   string
		change func()
		block  int64
		want   string
	}{
		{"zeros", func() {}, 0, "begins with zeros"},
		{"a copy of another group", func() { put(8193*1024, "proa-data", 3) }, 0, "begins with zeros"},
		{"a copy of another's", func() { put(8193*1024, "other", 1) }, 0, "begins with zeros"},
		{"a copy", func() { put(8193*1024, "proa-data", 1) }, 8193, ""},
		{"something over the first, and a copy", func() { copy(image, "\xebX\x90mkfs.fat") }, 8193, ""},
		{"something else", func() { clear(image[8193*1024:]) }, 0, "not ext4: it begins with eb 58 90"},
		{"another's", func() { put(superblockAt, "photos", 0) }, 0, `called "photos"`},
		{"ours", func() { put(superblockAt, "proa-data", 0) }, 0, ""},
	} {
		c.change()
		got, err := inspect(bytes.NewReader(image))
		if (c.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) || err == nil && got.block != c.block {
			t.Errorf("%s: block %d, %v; want block %d, %q", c.name, got.block, err, c.block, c.want)
		}
	}
}

// TestCheck: the action for each exit code of e2fsck.
func TestCheck(t *testing.T) {
	exit := func(code int) error { return &proc.ExitError{Name: "e2fsck", Code: code, Said: "x"} }
	for _, c := range []struct {
		preen, full error
		runs        int
		ok          bool
	}{
		{nil, nil, 1, true},
		{exit(1), nil, 1, true},
		{exit(4), exit(1), 2, true},
		{exit(4), exit(4), 2, false},
		{exit(8), exit(8), 2, false},
		{context.Canceled, nil, 1, false},
	} {
		f := &sys.Fake{Fail: map[string]error{}}
		if c.preen != nil {
			f.Fail["e2fsck -p"] = c.preen
		}
		if c.full != nil {
			f.Fail["e2fsck -y"] = c.full
		}
		err := Disk{Sys: f, Logf: t.Logf}.check(t.Context(), "/dev/vda5")
		if (err == nil) != c.ok || len(f.Calls) != c.runs {
			t.Errorf("%v/%v: %v, %q", c.preen, c.full, err, f.Calls)
		}
	}
}

func TestFormatNamesTheLabel(t *testing.T) {
	f := &sys.Fake{}
	if err := (Disk{Sys: f, Logf: t.Logf}).format(t.Context(), "/dev/vda5"); err != nil || !strings.Contains(f.String(), "mkfs.ext4 -F -q -L proa-data") {
		t.Errorf("%v %s", err, f)
	}
}
