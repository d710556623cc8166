package erofs

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/proa-os/proa/images/tree"
)

// forest is a random tree with everything that a boundary of the format is near to: sizes of files, directories and
// links around blocks and clusters, what compresses and what does not, names of every length, numbers of every width.
func forest(seed uint64) []tree.Entry {
	r := rand.New(rand.NewPCG(seed, 0))
	list := []tree.Entry{tree.Dir(".", 0o751)}
	for i, size := range sizes(r) {
		for kind := range kinds {
			list = append(list, tree.File(fmt.Sprintf("files/%d-%d-%d", kind, size, i), fs.FileMode(r.IntN(0o1000)), tree.Bytes(bytesOf(r, kind, size))))
		}
	}
	for _, n := range []int{1, 2, 31, 32, 58, 59, 60, 61, 120, 400, 1000} { // names of one directory
		for i := range n {
			list = append(list, tree.Symlink(fmt.Sprintf("dirs/%d/%s%d", n, strings.Repeat("n", r.IntN(60)), i), strings.Repeat("t", 1+r.IntN(1<<r.IntN(13)))))
		}
	}
	for i := range 9 {
		list = append(list, tree.File(fmt.Sprintf("long/%d%s", i, strings.Repeat("é", 127)), 0o644, tree.Bytes(nil)))
	}
	for _, name := range []string{"-", "!", "+a", "...", "..a", ".a", "\x01", "ÿ", "a b", "a\nb"} {
		list = append(list, tree.File("odd/"+name, 0o600, tree.Bytes([]byte(name))))
	}
	list = append(list, tree.File("deep/"+strings.Repeat("d/", 200)+"end", 0o400, tree.Bytes([]byte("end"))))
	for i := range list {
		list[i].UID, list[i].GID = owner(r), owner(r)
	}
	return append(list, tree.CharDev("dev/a", 0o600, 4095, 0xfffff), tree.CharDev("dev/b", 0o600, 1, 256),
		tree.Entry{Path: "dev/c", Mode: fs.ModeDevice | 0o660, Major: 259, Minor: 3}, tree.Entry{Path: "dev/p", Mode: fs.ModeNamedPipe | 0o622},
		tree.Dir("sticky", 0o777|fs.ModeSticky), tree.File("suid", 0o755|fs.ModeSetuid|fs.ModeSetgid, tree.Bytes([]byte("s"))))
}

func owner(r *rand.Rand) int { return []int{0, 0, 1000, 65535, 65536, 1<<31 - 1}[r.IntN(6)] }

func sizes(r *rand.Rand) []int {
	list := []int{0, 1, 31, 4000, 4031, 4032, 4033, 4063, 4064, 4065}
	for _, edge := range []int{BlockSize, 2 * BlockSize, Cluster, 2 * Cluster, 3 * Cluster} {
		list = append(list, edge-BlockSize+1, edge-1, edge, edge+1, edge+BlockSize, edge+BlockSize+1)
	}
	for range 6 {
		list = append(list, r.IntN(5*Cluster))
	}
	return list
}

const kinds = 5

// bytesOf are bytes that are random, zero, text, a bit of each, or random but for the last block.
func bytesOf(r *rand.Rand, kind, size int) []byte {
	b := make([]byte, size)
	switch kind {
	case 0:
		fill(r, b)
	case 2:
		for i := range b {
			b[i] = "etaoin shrdlu\n"[r.IntN(14)]
		}
	case 3:
		for at := 0; at < size; at += 1 + r.IntN(60000) {
			part := b[at:min(size, at+r.IntN(60000))]
			fill(r, part)
			copy(part[len(part)/2:], part[:len(part)/3])
		}
	case 4:
		fill(r, b[:size/BlockSize*BlockSize])
	}
	return b
}

func fill(r *rand.Rand, b []byte) {
	for i := range b {
		b[i] = byte(r.Uint32())
	}
}

// same compares the files below dir with the entries, in both directions.
func same(t *testing.T, dir string, list []tree.Entry) {
	t.Helper()
	sorted, err := tree.Sort(list)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range sorted {
		sameFile(t, filepath.Join(dir, e.Path), e)
	}
	found := 0
	if err := filepath.WalkDir(dir, func(string, fs.DirEntry, error) error { found++; return nil }); err != nil || found != len(sorted) {
		t.Errorf("%d files, want %d; %v", found, len(sorted), err)
	}
}

func sameFile(t *testing.T, name string, e tree.Entry) {
	t.Helper()
	st, err := os.Lstat(name)
	if err != nil {
		t.Error(err)
		return
	}
	sys := st.Sys().(*syscall.Stat_t)
	if st.Mode() != e.Mode && e.Mode.Type() != fs.ModeSymlink || int(sys.Uid) != e.UID || int(sys.Gid) != e.GID || !st.ModTime().Equal(when) {
		t.Errorf("%s: %v %d:%d %v, want %v %d:%d", e.Path, st.Mode(), sys.Uid, sys.Gid, st.ModTime(), e.Mode, e.UID, e.GID)
	}
	switch {
	case e.Mode.IsRegular():
		got, err := os.ReadFile(name)
		if want, _ := e.Content.ReadAll(); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes of %d, %v", e.Path, len(got), len(want), err)
		}
	case e.Mode.Type() == fs.ModeSymlink:
		if got, err := os.Readlink(name); err != nil || got != e.Target {
			t.Errorf("%s: %d bytes of target, %v", e.Path, len(got), err)
		}
	case e.Mode&fs.ModeDevice != 0:
		if sys.Rdev != uint64(device(e.Major, e.Minor)) {
			t.Errorf("%s: device %#x", e.Path, sys.Rdev)
		}
	}
}
