package fatends

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/build/oracle"
	"github.com/proa-os/proa/images/fat"
	"github.com/proa-os/proa/images/fatdisk"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/tree"
)

// disk is a FAT32 with a directory of more names than a sector and a cluster hold; at is the offset of that directory.
func disk(t *testing.T, size int64) (f *os.File, at int64) {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "fat.img"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	files := []tree.Entry{tree.File("config.yaml", 0o644, tree.Bytes([]byte("hostname: one\n"))), tree.File("zoo/last", 0o644, tree.Bytes([]byte("z")))}
	for n := range 150 {
		files = append(files, tree.File(fmt.Sprintf("slots/b/FILE%03d", n), 0o644, tree.Bytes([]byte("content"))))
	}
	spec := fat.Spec{Size: size, Label: "PROA-BOOT", ID: 1, When: time.Unix(1<<30, 0), Files: files}
	if err := os.Truncate(f.Name(), size); err != nil {
		t.Fatal(err)
	}
	if err := fat.Write(f, 0, spec); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	if at = int64(bytes.Index(raw, []byte("FILE000 "))) / layout.Sector * layout.Sector; at < 0 {
		t.Fatal("the directory is not where it is searched")
	}
	return f, at
}

func write(t *testing.T, f *os.File, text []byte, at int64) {
	t.Helper()
	if _, err := f.WriteAt(text, at); err != nil {
		t.Fatal(err)
	}
}

func raw(t *testing.T, f *os.File) []byte {
	t.Helper()
	b, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestTornName: the end of a directory is followed by names, in its sector, in the next one and in its next cluster; they are
// cleared, and nothing else is.
func TestTornName(t *testing.T) {
	for _, size := range []int64{fat.MinSize, 288 * layout.MiB} {
		f, at := disk(t, size)
		if found, err := Find(f, size); err != nil || len(found) != 0 {
			t.Fatalf("of a sound file system: %v, %v", found, err)
		}
		before := raw(t, f)
		write(t, f, make([]byte, fatdisk.EntrySize), at+14*fatdisk.EntrySize)
		found, err := Find(f, size)
		if err != nil || len(found) < 10 || found[0] != (Found{"/slots/b", at, 14 * fatdisk.EntrySize}) {
			t.Fatalf("%v, %v", found, err)
		}
		if err := Clear(f, found); err != nil {
			t.Fatal(err)
		}
		if found, err := Find(f, size); err != nil || len(found) != 0 {
			t.Errorf("afterwards: %v, %v", found, err)
		}
		after := raw(t, f)
		for i := range after {
			if after[i] != before[i] && (after[i] != 0 || int64(i) < at+14*fatdisk.EntrySize) {
				t.Fatalf("byte %d was %#x and is %#x", i, before[i], after[i])
			}
		}
		out, err := exec.Command(oracle.Tool(t, "mdir"), "-i", f.Name(), "-b", "-/", "::/").CombinedOutput()
		for name, is := range map[string]bool{"FILE000": true, "FILE011": true, "FILE012": false, "FILE149": false, "last": true, "config.yaml": true} {
			if err != nil || strings.Contains(string(out), name) != is {
				t.Errorf("%s: %t: %v\n%s", name, !is, err, out)
			}
		}
		if got, err := fat.ReadFile(f, 0, size, "slots/b/FILE003"); err != nil || string(got) != "content" {
			t.Errorf("a file before the end: %q, %v", got, err)
		}
	}
}

// TestDeletedNames: entries that are free behind the end are no fault, as Linux leaves them.
func TestDeletedNames(t *testing.T) {
	f, at := disk(t, fat.MinSize)
	write(t, f, []byte{ended}, at+15*fatdisk.EntrySize)
	behind, err := Find(f, fat.MinSize)
	if err != nil || len(behind) == 0 {
		t.Fatalf("%v, %v", behind, err)
	}
	for _, s := range behind {
		for i := int64(s.own); i < layout.Sector; i += fatdisk.EntrySize {
			write(t, f, []byte{free}, s.At+i)
		}
	}
	write(t, f, []byte{ended}, at+15*fatdisk.EntrySize)
	if found, err := Find(f, fat.MinSize); err != nil || len(found) != 0 {
		t.Errorf("%v, %v", found, err)
	}
}

// TestDamage: what cannot be followed is told, and the other directories are looked at.
func TestDamage(t *testing.T) {
	f, at := disk(t, fat.MinSize)
	b := raw(t, f)
	zoo := bytes.Index(b, []byte("ZOO     "))
	write(t, f, b[zoo:zoo+fatdisk.EntrySize], at)                         // a directory in two places
	write(t, f, make([]byte, fatdisk.EntrySize), at+14*fatdisk.EntrySize) // and a torn one
	write(t, f, []byte{0xff, 0xff, 0xff, 7}, int64(zoo)+26)               // its first cluster is none
	found, err := Find(f, fat.MinSize)
	if err == nil || !strings.Contains(err.Error(), "directory /zoo: cluster 0x") || len(found) == 0 {
		t.Errorf("%v, %v", found, err)
	}
	for name, text := range map[string]string{"nothing": "", "no FAT": strings.Repeat("x", 1024)} {
		if _, err := Find(strings.NewReader(text), 1024); err == nil {
			t.Errorf("%s was read", name)
		}
	}
	if _, err := Find(f, 1<<20); err == nil || !strings.Contains(err.Error(), "in a partition of 1048576 bytes") {
		t.Errorf("a partition that is too small: %v", err)
	}
}
