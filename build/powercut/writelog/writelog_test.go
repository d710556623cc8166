package writelog

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proa-os/proa/build/oracle"
)

const disk = 1 << 20

type raw struct {
	sector, sectors, flags, length uint64
	data                           []byte
}

// log encodes a log with a number of entries in its header.
func log(entries int, list ...raw) []byte {
	le, head := binary.LittleEndian, make([]byte, Sector)
	le.PutUint64(head, magic)
	le.PutUint64(head[8:], version)
	le.PutUint64(head[16:], uint64(entries))
	le.PutUint32(head[24:], Sector)
	for _, r := range list {
		b := make([]byte, Sector)
		for i, v := range []uint64{r.sector, r.sectors, r.flags, r.length} {
			le.PutUint64(b[8*i:], v)
		}
		head = append(append(head, b...), r.data...)
	}
	return head
}

func read(b []byte) ([]Entry, error) { return Read(bytes.NewReader(b), int64(len(b)), disk) }

func TestRead(t *testing.T) {
	got, err := read(log(6,
		raw{8, 2, 0, 0, make([]byte, 2*Sector)},
		raw{0, 0, flush, 0, nil},
		raw{100, 50, discard, 0, nil},
		raw{0, 0, mark, 5, append([]byte("hello"), make([]byte, Sector-5)...)},
		raw{16, 1, flush | fua, 0, make([]byte, Sector)},
		raw{2047, 1, 0, 0, make([]byte, Sector)}, // the last sector
	))
	if err != nil {
		t.Fatal(err)
	}
	want := []Entry{
		{Write, 8 * Sector, 2 * Sector, 2 * Sector, Sector},
		{Kind: Flush, Head: 4 * Sector},
		{Discard, 100 * Sector, 50 * Sector, 0, 5 * Sector},
		{Kind: Flush, Head: 8 * Sector}, {Write, 16 * Sector, Sector, 9 * Sector, 8 * Sector},
		{Write, 2047 * Sector, Sector, 11 * Sector, 10 * Sector},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestRefuses(t *testing.T) {
	one := raw{8, 2, 0, 0, make([]byte, 2*Sector)}
	edit := func(at int, v byte) []byte {
		b := log(1, one)
		b[at] ^= v
		return b
	}
	for name, b := range map[string][]byte{
		"nothing":           nil,
		"half a header":     log(0)[:100],
		"another magic":     edit(0, 1),
		"another version":   edit(8, 3),
		"another sector":    edit(25, 8),
		"more entries":      log(2, one),
		"too many entries":  log(1<<40, one),
		"cut in an entry":   log(2, one, one)[:4*Sector+10],
		"cut in data":       log(2, one, one)[:6*Sector+10],
		"beyond the disk":   log(1, raw{2047, 2, 0, 0, make([]byte, 2*Sector)}),
		"far beyond it":     log(1, raw{1 << 63, 1, 0, 0, make([]byte, Sector)}),
		"endless":           log(1, raw{0, 1 << 62, 0, 0, nil}),
		"a discard too far": log(1, raw{2000, 1 << 60, discard, 0, nil}),
		"an endless mark":   log(1, raw{0, 0, mark, 1<<64 - 1, nil}),
		"unknown flags":     log(1, raw{8, 1, 32, 0, make([]byte, Sector)}),
	} {
		if got, err := read(b); err == nil || !strings.HasPrefix(err.Error(), "write log: ") {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

// TestQEMU: a log that QEMU's own driver wrote has what qemu-io was told, in order, and its data makes the same disk.
func TestQEMU(t *testing.T) {
	tool := oracle.Tool(t, "qemu-io")
	dir := t.TempDir()
	image, file := filepath.Join(dir, "disk"), filepath.Join(dir, "log")
	if err := os.WriteFile(image, make([]byte, disk), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(tool, "--image-opts", "driver=blklogwrites,discard=unmap,file.driver=file,file.filename="+image+",log.driver=file,log.filename="+file)
	cmd.Stdin = strings.NewReader("write -P 17 4096 1024\nwrite -P 34 512 512\nflush\nwrite -P 51 65536 8192\ndiscard 131072 65536\nflush\nq\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("qemu-io: %v\n%s", err, out)
	}
	got, err := Open(file, disk)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	made, told := make([]byte, disk), ""
	for _, e := range got {
		told += string(e.Kind) + " "
		switch e.Kind {
		case Write:
			copy(made[e.At:], text[e.Data:e.Data+e.Size])
		case Discard:
			clear(made[e.At : e.At+e.Size])
		}
	}
	told = strings.ReplaceAll(told, "flush flush ", "flush ") // QEMU's own driver below may ask for one more
	if !strings.HasPrefix(told, "write write flush write discard flush ") {
		t.Errorf("the log has %s", told)
	}
	want, err := os.ReadFile(image)
	if err != nil || !bytes.Equal(made, want) {
		t.Errorf("the log does not make the disk, %v", err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(log(2, raw{8, 2, 0, 0, make([]byte, 2*Sector)}, raw{0, 0, flush, 0, nil}))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := read(b)
		for _, e := range list {
			if e.At < 0 || e.At+e.Size > disk || e.Kind == Write && e.Data+e.Size > int64(len(b)) {
				t.Errorf("%v, %v", e, err)
			}
		}
	})
}
