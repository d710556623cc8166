package elfdeps

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proa-os/proa/build/testfiles"
	"github.com/proa-os/proa/images/tree"
)

func TestMissingLibraryIsAnError(t *testing.T) {
	c := &collector{dir: testfiles.Write(t, map[string]string{"usr/lib/x86_64-linux-gnu/libyes.so.1": ""}), have: map[string]tree.Entry{}}
	if p, err := c.find("libyes.so.1"); err != nil || p != "usr/lib/x86_64-linux-gnu/libyes.so.1" {
		t.Errorf("%q, %v", p, err)
	}
	if _, err := c.find("libno.so.1"); err == nil {
		t.Error("a library that is not there was found")
	}
}

func TestCollectorFollowsLinks(t *testing.T) {
	dir := testfiles.Write(t, map[string]string{"usr/sbin/mke2fs": "x"})
	if err := os.Symlink("mke2fs", filepath.Join(dir, "usr/sbin/mkfs.ext4")); err != nil {
		t.Fatal(err)
	}
	c := &collector{dir: dir, have: map[string]tree.Entry{}}
	if err := c.add("usr/sbin/mkfs.ext4"); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"usr/sbin/mke2fs", "usr/sbin/mkfs.ext4"}, slices.Sorted(maps.Keys(c.have))); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
