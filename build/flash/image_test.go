package flash

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/images/disk"
	"github.com/proa-os/proa/images/disks"
	"github.com/proa-os/proa/images/disks/fixture"
	"github.com/proa-os/proa/images/fat"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/tree"
)

var spec = layout.Spec{FirstLBA: 2048, Align: layout.MiB, BIOSSize: layout.MiB, BootSize: fat.MinSize + 2*layout.MiB, RootSize: 4 * layout.MiB}

// pc is a board with the layout of the image.
var pc = boards.Board{
	Name: "pc", Images: []string{"iso", "disk"}, FirstLBA: spec.FirstLBA, Align: boards.Size(spec.Align),
	Sizes: boards.Sizes{BIOS: boards.Size(spec.BIOSSize), Boot: boards.Size(spec.BootSize), Root: boards.Size(spec.RootSize)},
}

const ownConfig = "# The configuration of this machine.\nversion: 1\n"

// makeImage makes a small sparse disk image and returns its path.
func makeImage(t *testing.T, more ...tree.Entry) string {
	t.Helper()
	return makeImageOf(t, spec, more...)
}

func makeImageOf(t *testing.T, spec layout.Spec, more ...tree.Entry) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "proa-pc.img")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	table, err := spec.Fit(spec.ImageSize())
	if err != nil {
		t.Fatal(err)
	}
	root := append(bytes.Repeat([]byte("root "), 300_000), make([]byte, 2*layout.MiB)...)
	contents := disk.Contents{
		Seed: "x", Boot: append(more, tree.File("config.yaml", 0o644, tree.Bytes([]byte(ownConfig)))),
		Root: map[layout.Slot]tree.Content{layout.A: tree.Bytes(root)},
	}
	err = errors.Join(f.Truncate(spec.ImageSize()), disk.Write(f, spec.ImageSize(), table, contents, nil), f.Close())
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func compress(t *testing.T, file string) string {
	t.Helper()
	f, err := os.Create(file + ".zst")
	if err != nil {
		t.Fatal(err)
	}
	w, err := zstd.NewWriter(f, zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content(t, file)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	return file + ".zst"
}

func content(t *testing.T, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// extra is the size of the tests' disks beyond the image.
const extra = 8 * layout.MiB

// garbage returns a used disk: it has no zero byte.
func garbage(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "disk.img")
	if err := os.WriteFile(file, bytes.Repeat([]byte{0xff}, int(spec.ImageSize()+extra)), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func write600(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// on returns a job on the fixture's laptop, whose image is built, and which writes to a file whatever disk is named.
func on(t *testing.T, machine, file string) (*job, *bytes.Buffer) {
	t.Helper()
	var out bytes.Buffer
	j := &job{
		Options: Options{Image: file, Yes: true},
		board:   pc,
		build:   func(string) (string, error) { return "", errors.New("nothing is to be built") },
		root:    fixture.Unpack(t, "../../images/disks/testdata/"+machine+".txt"), open: openTarget, access: func(string) error { return nil },
		in: &bytes.Buffer{}, out: &out, now: time.Now,
		bars: func(step string, total int64) *bar {
			return &bar{out: io.Discard, now: time.Now, step: step, total: total}
		},
	}
	return j, &out
}

// instead makes the job open a file in place of the disk.
func instead(file string, change func(medium) medium) func(disks.Target) (medium, error) {
	return func(disks.Target) (medium, error) {
		st, err := os.Stat(file)
		if err != nil {
			return nil, err
		}
		m, err := openTarget(disks.Target{Disk: disks.Disk{Name: file, Size: st.Size()}, Path: file, File: true})
		return change(m), err
	}
}

func unchanged(m medium) medium { return m }
