package runtime

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestCodeOf(t *testing.T) {
	const smaps = `00400000-03000000 r-xp 00000000 fe:00 77                                 /usr/bin/k3s
Rss:               44000 kB
Private_Dirty:         0 kB
03000000-09000000 r--p 02c00000 fe:00 77                                 /usr/bin/k3s
Private_Dirty:         4 kB
09000000-0a000000 r--p 08c00000 fe:00 77                                 /usr/bin/k3s
Private_Dirty:         0 kB
0a000000-0b000000 rw-p 09c00000 fe:00 77                                 /usr/bin/k3s
Private_Dirty:         0 kB
c000000000-c004000000 rw-p 00000000 00:00 0
Private_Dirty:         0 kB
7f00000000-7f00001000 r--p 00000000 fe:00 9                              /usr/lib/other
Private_Dirty:         0 kB
`
	want := []span{{0x400000, 0x3000000}, {0x9000000, 0xa000000}}
	got := codeOf(strings.NewReader(smaps), "/usr/bin/k3s")
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(span{})); diff != "" {
		t.Error(diff)
	}
}

const pages = 16

// TestGiveBack maps a program twice: pages that were only read are unmapped and come back with the same content,
// modified ones stay.
func TestGiveBack(t *testing.T) {
	file, err := filepath.EvalSymlinks("/bin/sh")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	clean, dirty := mapped(t, file), mapped(t, file)
	copy(dirty[os.Getpagesize():], "mine")
	for _, m := range [][]byte{clean, dirty} {
		if err := unix.Mprotect(m, unix.PROT_READ); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(m[:8], want[:8]) || bytes.Equal(m, want[:len(m)]) != (&m[0] == &clean[0]) || resident(t, m) != pages {
			t.Fatalf("not mapped as it should be, %d pages resident", resident(t, m))
		}
	}
	giveBack(file)
	if read, written := resident(t, clean), resident(t, dirty); read != 0 || written != pages {
		t.Errorf("resident: %d pages of what was read, %d of what was written; want 0 and %d", read, written, pages)
	}
	if !bytes.Equal(clean, want[:len(clean)]) || string(dirty[os.Getpagesize():][:4]) != "mine" {
		t.Error("what was given back did not come back the same")
	}
}

func TestGiveBackCodeLeavesTheProgramRunning(t *testing.T) {
	for range 3 {
		giveBackCode()
		TestCodeOf(t)
	}
}

func mapped(t *testing.T, file string) []byte {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := unix.Mmap(int(f.Fd()), 0, pages*os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Munmap(m) }) // ignore errors: the process ends anyway
	return m
}

// resident returns the number of pages of a mapping that are in this process's page table
// (Documentation/admin-guide/mm/pagemap.rst, bit 63).
func resident(t *testing.T, m []byte) (n int) {
	t.Helper()
	f, err := os.Open("/proc/self/pagemap")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	page := os.Getpagesize()
	entries := make([]byte, len(m)/page*8)
	if _, err := f.ReadAt(entries, int64(uintptr(unsafe.Pointer(&m[0])))/int64(page)*8); err != nil {
		t.Fatal(err)
	}
	for at := 0; at < len(entries); at += 8 {
		if binary.NativeEndian.Uint64(entries[at:])>>63 == 1 {
			n++
		}
	}
	return n
}
