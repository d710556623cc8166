package fat

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/proa-os/proa/build/oracle"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/tree"
)

// realSize is the size of a board's boot partition: from 260 MiB on a cluster has eight sectors, below that one.
const realSize = 288 * layout.MiB

// sizes are at, before and after the ends of sectors, of clusters, and of the buffers that io.ReadAll grows.
var sizes = []int{0, 1, 511, 512, 513, 1000, 2350, 4095, 4096, 4097, 8000, 8192, 64 << 10, 64<<10 + 1}

// noise returns n bytes without a zero, so that bytes from after a file's end would show.
func noise(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, uint64(n)))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(1 + r.IntN(255))
	}
	return b
}

// agree compares what ReadFile and mtools read with what was written.
func agree(t *testing.T, image string, img Image, size int64, name string, want []byte) {
	t.Helper()
	got, err := ReadFile(img, 0, size, name)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s: ReadFile: %d bytes, %v; want %d", name, len(got), err, len(want))
	}
	out, err := exec.Command(oracle.Tool(t, "mcopy"), "-i", image, "::/"+name, "-").Output()
	if err != nil || !bytes.Equal(out, want) {
		t.Errorf("%s: mcopy: %d bytes, %v; want %d", name, len(out), err, len(want))
	}
}

func TestReadFileEndsWithTheFile(t *testing.T) {
	for _, size := range []int64{MinSize, realSize} {
		image := filepath.Join(t.TempDir(), "fat.img")
		f, err := os.Create(image)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		s := Spec{Size: size, Label: "PROA-BOOT", When: when}
		for _, n := range sizes {
			s.Files = append(s.Files, tree.File(fmt.Sprintf("dir/file%d", n), 0o644, tree.Bytes(noise(1, n))))
		}
		if err := f.Truncate(size); err != nil {
			t.Fatal(err)
		}
		if err := Write(f, 0, s); err != nil {
			t.Fatal(err)
		}
		for _, n := range sizes {
			agree(t, image, f, size, fmt.Sprintf("dir/file%d", n), noise(1, n))
		}
	}
}

// A file that grows and shrinks leaves old bytes after its new end; another file lies next to it.
func TestReadFileAfterEveryChangeOfSize(t *testing.T) {
	image, f := write(t, 0, realSize)
	neighbour := noise(9, 5000)
	if err := Inject(f, 0, realSize, "neighbour.yaml", neighbour, when); err != nil {
		t.Fatal(err)
	}
	order := append(append([]int{}, sizes...), 4097, 4095, 513, 64<<10, 1, 2350, 0, 1000)
	for i, n := range order {
		want := noise(uint64(i), n)
		if err := Inject(f, 0, realSize, "config.yaml", want, when); err != nil {
			t.Fatal(err)
		}
		agree(t, image, f, realSize, "config.yaml", want)
	}
	agree(t, image, f, realSize, "neighbour.yaml", neighbour)
	judge(t, "fsck.fat", "-n", image)
}

// broken returns errors for a range, like bad sectors.
type broken struct {
	*os.File
	at int64
}

func (b broken) ReadAt(p []byte, off int64) (int, error) {
	if off <= b.at && b.at < off+int64(len(p)) {
		return 0, io.ErrUnexpectedEOF
	}
	return b.File.ReadAt(p, off)
}

func TestReadFileReportsWhatItCannotRead(t *testing.T) {
	image, f := write(t, 0, MinSize)
	want := noise(3, 3000)
	if err := Inject(f, 0, MinSize, "config.yaml", want, when); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	bad := broken{f, int64(bytes.Index(raw, want[2000:2100]))}
	if got, err := ReadFile(bad, 0, MinSize, "config.yaml"); err == nil {
		t.Errorf("a bad sector was read as %d bytes", len(got))
	}
	if _, err := ReadFile(f, 0, MinSize, "slots/a"); err == nil {
		t.Error("a directory was read as a file")
	}
	entry := bytes.Index(raw, []byte("CONFIG~1YAM"))
	if entry < 0 {
		entry = bytes.Index(raw, []byte("CONFIG  YAM"))
	}
	if entry < 0 {
		t.Fatal("no directory entry of config.yaml")
	}
	if _, err := f.WriteAt([]byte{0xff, 0xff, 0xff, 0x7f}, int64(entry)+28); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadFile(f, 0, MinSize, "config.yaml"); err == nil {
		t.Errorf("an entry that claims 2 GiB was read as %d bytes", len(got))
	}
}
