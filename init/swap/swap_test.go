package swap

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/sys"
)

// TestFile: the file has no holes, only root can read it, another size replaces it, and other programs take it for swap.
func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "swap")
	var inode uint64
	for _, size := range []int64{1 << 20, 1 << 20, 2 << 20} {
		if err := Make(path, size); err != nil {
			t.Fatal(err)
		}
		var st unix.Stat_t
		if err := unix.Stat(path, &st); err != nil || st.Size != size || st.Blocks*512 < size || st.Mode&0o777 != 0o600 {
			t.Errorf("%+v, %v", st, err)
		}
		if again := st.Ino == inode; again != (size == 1<<20 && inode != 0) && size == 1<<20 {
			t.Errorf("made again: %t", !again)
		}
		inode = st.Ino
	}
	for _, judge := range [][]string{{"busybox", "blkid", path}, {"blkid", "-p", path}} {
		out, err := exec.Command(judge[0], judge[1:]...).CombinedOutput()
		if err != nil {
			t.Logf("%v: %v", judge, err)
			continue
		}
		if text := string(out); !strings.Contains(text, `TYPE="swap"`) || !strings.Contains(text, `LABEL="proa-swap"`) {
			t.Errorf("%v: %s", judge, text)
		}
	}
}

// TestKernelTakesIt: the kernel swaps to the file where the test may ask it to. /tmp is often a tmpfs, to which it never
// swaps; /var/tmp is on a disk (file-hierarchy(7)), but for containers.
func TestKernelTakesIt(t *testing.T) {
	dir, err := os.MkdirTemp("/var/tmp", "proa-swap-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "swap")
	if err := Make(path, 1<<20); err != nil {
		t.Fatal(err)
	}
	err = sys.Linux{}.SwapOn(path, filePriority)
	var on unix.Statfs_t
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSYS) || os.Getuid() != 0 || unix.Statfs(dir, &on) == nil && on.Type == unix.OVERLAYFS_SUPER_MAGIC {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	used := strings.Join(InUse(""), " ")
	if err := (sys.Linux{}).SwapOff(path); err != nil || !strings.Contains(used, path) {
		t.Errorf("%s, %v", used, err)
	}
}

func TestTooLarge(t *testing.T) {
	path := filepath.Join(t.TempDir(), "swap")
	if err := Make(path, 1<<50); err == nil || !strings.Contains(err.Error(), "more than half") {
		t.Error(err)
	}
	if _, err := os.Lstat(path); err == nil {
		t.Error("a part of the file is left")
	}
}

func TestApply(t *testing.T) {
	root, f := t.TempDir(), &sys.Fake{}
	for name, text := range map[string]string{"proc/meminfo": "MemTotal:        2048000 kB\n", "sys/block/zram0/comp_algorithm": "[lzo-rle] lzo zstd\n", "run/proa/data/swap": "old",
		"proc/swaps": "Filename\t\t\tType\t\tSize\n/dev/zram0\tpartition\t1\n/run/proa/data/a\\040b\tfile\t1\n"} {
		os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755)
		os.WriteFile(filepath.Join(root, name), []byte(text), 0o600)
	}
	s := Setup{Sys: f, Root: root, Load: func(name string) error { f.Calls = append(f.Calls, "load "+name); return nil }, Disk: true}
	if err := s.Apply(config.Swap{Zram: 50, File: 1}); err != nil {
		t.Fatal(err)
	}
	const want = "load zram\nwrite /sys/block/zram0/comp_algorithm 0644\nwrite /sys/block/zram0/disksize 0644\nwrite /dev/zram0 0600\nswap-on /dev/zram0 100\nswap-on /run/proa/data/swap 10\n"
	if f.String() != want || f.Files["/sys/block/zram0/disksize"] != "1048576000" {
		t.Errorf("%s %v", f, f.Files["/sys/block/zram0/disksize"])
	}
	if err := s.Apply(config.Swap{}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(root + File); err == nil {
		t.Error("the file of an earlier configuration is left")
	}
	s.Load = func(string) error { return errors.New("no such module") }
	if err := s.Apply(config.Swap{Zram: 1, File: 1}); err == nil || !strings.HasSuffix(f.String(), "swap-on /run/proa/data/swap 10\n") {
		t.Errorf("%v\n%s", err, f)
	}
	s.Disk = false
	if err := s.Apply(config.Swap{File: 1}); err == nil {
		t.Error("a swap file in memory")
	}
	if got := InUse(root); len(got) != 2 || got[1] != "/run/proa/data/a b" {
		t.Errorf("%q", got)
	}
}
