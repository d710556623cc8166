package erofs

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/proa-os/proa/build/oracle"
	"github.com/proa-os/proa/images/tree"
)

// TestFsck: erofs-utils finds no fault, and extracts what was written.
func TestFsck(t *testing.T) {
	bin := oracle.Tool(t, "fsck.erofs")
	for _, c := range codecs {
		list := append(entries(), forest(4)...)
		img, dir := image(t, c, list), filepath.Join(t.TempDir(), "out")
		args := []string{"--extract=" + dir, img}
		if os.Getuid() != 0 {
			args = []string{"--extract", img} // only to nowhere: others may not make devices and change owners
		}
		if out, err := exec.Command(bin, args...).CombinedOutput(); err != nil {
			t.Fatalf("%s: fsck.erofs: %v\n%s", c, err, out)
		}
		if os.Getuid() == 0 {
			same(t, dir, list)
		}
	}
}

// TestKernel: the kernel of this host mounts random trees and reads what was written.
func TestKernel(t *testing.T) {
	for _, c := range codecs {
		t.Run(string(c), func(t *testing.T) {
			for seed := range uint64(2) {
				list := forest(10 + seed)
				same(t, mount(t, image(t, c, list)), list)
			}
		})
	}
}

func mount(t *testing.T, img string) (dir string) {
	t.Helper()
	if systems, err := os.ReadFile("/proc/filesystems"); err != nil || os.Getuid() != 0 || !strings.Contains(string(systems), "\terofs\n") {
		t.Skip("not root, or a kernel without EROFS: nothing is mounted")
	}
	losetup, err := exec.LookPath("losetup")
	if err != nil {
		t.Skip(err)
	}
	out, err := exec.Command(losetup, "--find", "--show", "--read-only", img).Output()
	if err != nil {
		t.Skip("no loop device: ", err)
	}
	device := strings.TrimSpace(string(out))
	t.Cleanup(func() { _ = exec.Command(losetup, "--detach", device).Run() })
	dir = t.TempDir()
	err = syscall.Mount(device, dir, "erofs", syscall.MS_RDONLY, "")
	if errors.Is(err, syscall.EOPNOTSUPP) {
		t.Skip("a kernel without this algorithm")
	}
	if err != nil {
		t.Fatalf("mount: %v; dmesg says why", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// FuzzKernel: what is made of any content, wherever its boundaries are, the kernel reads as it was.
func FuzzKernel(f *testing.F) {
	f.Add([]byte("content"), uint32(Cluster), uint32(17))
	f.Fuzz(func(t *testing.T, seed []byte, size, repeat uint32) {
		content := make([]byte, size%(3*Cluster))
		for i := range content {
			if len(seed) > 0 {
				content[i] = seed[i%len(seed)] ^ byte(i/(1+int(repeat%Cluster)))
			}
		}
		for _, c := range codecs {
			list := []tree.Entry{tree.File("a", 0o644, tree.Bytes(seed)), tree.File("b", 0o644, tree.Bytes(content))}
			same(t, mount(t, image(t, c, list)), list)
		}
	})
}
