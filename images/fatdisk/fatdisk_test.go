package fatdisk

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/proa-os/proa/build/oracle"
	"github.com/proa-os/proa/images/layout"
)

// TestParse: what mkfs.fat makes is read as fsck.fat reads it.
func TestParse(t *testing.T) {
	for _, flags := range []string{"-F 32", "-F 32 -s 8 -R 64", "-F 32 -f 1 -s 4", "-F 32 -s 1"} {
		boot, name := made(t, 300*layout.MiB, strings.Fields(flags)...)
		v, err := Parse(boot)
		if err != nil {
			t.Fatalf("%s: %v", flags, err)
		}
		out, err := exec.Command(oracle.Tool(t, "fsck.fat"), "-n", "-v", name).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		said := strings.Join(strings.Fields(string(out)), " ")
		for _, want := range []string{
			fmt.Sprintf("%d bytes per cluster", v.Cluster), fmt.Sprintf("First FAT starts at byte %d (", v.Tables[0]), fmt.Sprintf("%d FATs, 32 bit entries", len(v.Tables)),
			fmt.Sprintf("%d bytes per FAT", v.Table), fmt.Sprintf("Root directory start at cluster %d", v.Root), fmt.Sprintf("Data area starts at byte %d (", v.At(2)),
			fmt.Sprintf("%d data clusters", v.Count), fmt.Sprintf(" %d sectors total", v.End/layout.Sector),
		} {
			if !strings.Contains(said, want) {
				t.Errorf("%s: fsck.fat does not say %q, but\n%s", flags, want, out)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	fat16, _ := made(t, 20*layout.MiB, "-F", "16")
	wide, _ := made(t, 300*layout.MiB, "-F", "32", "-S", "4096")
	boot, _ := made(t, 300*layout.MiB, "-F", "32")
	with := func(at int, b byte) []byte {
		c := append([]byte{}, boot...)
		c[at] = b
		return c
	}
	for name, b := range map[string][]byte{
		"nothing": nil, "zeros": make([]byte, layout.Sector), "FAT16": fat16, "sectors of 4096 bytes": wide, "no signature": with(510, 0), "no clusters": with(13, 0),
		"no table": with(16, 0), "cut off": boot[:100], "tables longer than the file system": with(39, 1),
	} {
		if v, err := Parse(b); err == nil {
			t.Errorf("%s: %+v", name, v)
		}
	}
}

func TestEntry(t *testing.T) {
	e := make([]byte, EntrySize)
	e[20], e[26], e[27] = 1, 2, 3
	for raw, want := range map[string]string{"CONFIG  YAM": "config.yam", "SLOTS      ": "slots", "A B     C  ": "a b.c"} {
		copy(e, raw)
		if got := ShortName(e); got != want || First(e) != 0x10302 {
			t.Errorf("%q is %q, cluster %#x; want %q", raw, got, First(e), want)
		}
	}
}

// made returns the boot sector of a new file system, and its file.
func made(t *testing.T, size int64, flags ...string) ([]byte, string) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "fat.img")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(name, size); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(oracle.Tool(t, "mkfs.fat"), append(flags, name)...).CombinedOutput(); err != nil {
		t.Fatalf("mkfs.fat %s: %v\n%s", flags, err, out)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	boot := make([]byte, layout.Sector)
	if _, err := f.ReadAt(boot, 0); err != nil {
		t.Fatal(err)
	}
	return boot, name
}
