package boot

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/proa-os/proa/images/gpt"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/verity"
	"github.com/proa-os/proa/init/sys"
)

// media simulates mounts of the root image on each device.
type media struct {
	*sys.Fake
	root  string
	files map[string][]byte // root image by device
}

func (s media) Mount(source, target, fstype string, flags uintptr, data string) error {
	if err := s.Fake.Mount(source, target, fstype, flags, data); err != nil {
		return err
	}
	p := filepath.Join(s.root, target, rootFile)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		return err
	}
	return os.WriteFile(p, s.files[source], 0o644)
}

// TestTwoMedia: of two media with the same label the one with the root hash of the boot entry is used, in either order.
func TestTwoMedia(t *testing.T) {
	right, hash := rootImage(t, "right")
	wrong, _ := rootImage(t, "wrong")
	pvd := make([]byte, 34*1024)
	copy(pvd[32768:], "\x01CD001\x01")
	copy(pvd[32768+40:], "PROA")
	for _, order := range [][2]string{{"sda", "sdb"}, {"sdb", "sda"}} {
		m, f := machine(t, map[string]string{"sys/class/block/sda/uevent": "", "sys/class/block/sdb/uevent": "", "dev/sda": string(pvd), "dev/sdb": string(pvd)})
		m.Sys = media{f, m.Root, map[string][]byte{"/dev/" + order[0]: wrong, "/dev/" + order[1]: right}}
		m.Line.Medium, m.Line.Root.Size, m.Line.Root.Hash = "PROA", imageSize, hash
		if err := findMedium(t.Context(), m); err != nil || m.Found.Medium != "/dev/"+order[1] {
			t.Errorf("right on %s: %v, %s\n%s", order[1], err, m.Found.Medium, f)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		m.Line.Root.Hash = strings.Repeat("0", 64)
		if err := findMedium(ctx, m); err == nil || !strings.Contains(err.Error(), "sda: root hash") || !strings.Contains(err.Error(), "sdb: root hash") {
			t.Errorf("neither is right: %v", err)
		}
		if mounts, unmounts := strings.Count(f.String(), "\nmount"), strings.Count(f.String(), "unmount"); unmounts < mounts-2 {
			t.Errorf("%d mounts, %d unmounts", mounts, unmounts)
		}
	}
}

// TestTableRepaired: the GPT of a disk that shows no partitions is repaired before the slot is searched again.
func TestTableRepaired(t *testing.T) {
	m, _ := machine(t, map[string]string{"sys/block/vda/size": "", "sys/block/vdb/vdb1/partition": "1", "dev/vda": "", "dev/vdb": ""})
	spec := layout.Spec{FirstLBA: 2048, Align: layout.MiB, BIOSSize: layout.MiB, BootSize: 2 * layout.MiB, RootSize: 2 * layout.MiB}
	table, err := spec.Fit(spec.ImageSize())
	if err != nil {
		t.Fatal(err)
	}
	before := map[string][]byte{}
	for _, name := range []string{"vda", "vdb"} {
		f, err := os.OpenFile(m.Path("/dev/"+name), os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		before[name] = make([]byte, 4096)
		for _, err := range []error{f.Truncate(spec.ImageSize()), gpt.Write(f, spec.ImageSize(), table, gpt.Derive("test", table))} {
			if err != nil {
				t.Fatal(err)
			}
		}
		if _, err := f.ReadAt(before[name], 0); err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt(make([]byte, 100), 512); err != nil {
			t.Fatal(err)
		}
	}
	said := ""
	m.Logf = func(format string, args ...any) { said += fmt.Sprintf(format+"\n", args...) }
	m.Line.Slot = "a"
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := findSlot(ctx, m); err == nil || !strings.Contains(said, "vda: the partition table was restored") {
		t.Errorf("%v; said %s", err, said)
	}
	for name, repaired := range map[string]bool{"vda": true, "vdb": false} { // the kernel sees partitions of vdb
		f, err := os.ReadFile(m.Path("/dev/" + name))
		if err != nil || bytes.Equal(f[:4096], before[name]) != repaired {
			t.Errorf("%s: repaired: %v, %v", name, !repaired, err)
		}
	}
}

const imageSize = 2 * verity.BlockSize

// rootImage returns an image of two blocks followed by its hash tree.
func rootImage(t *testing.T, text string) (image []byte, hash string) {
	t.Helper()
	image = append([]byte(text), make([]byte, imageSize-len(text))...)
	var tree bytes.Buffer
	root, err := verity.Write(&tree, bytes.NewReader(image), imageSize, bytes.Repeat([]byte{7}, 32), [16]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	return append(image, tree.Bytes()...), hex.EncodeToString(root)
}
