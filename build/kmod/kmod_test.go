package kmod

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proa-os/proa/build/testfiles"
)

// kernel has five modules.
func kernel(t *testing.T) *Set {
	t.Helper()
	dir := testfiles.Write(t, map[string]string{
		"version":                              "6.1-x",
		"modules/modules.dep":                  "kernel/fs/ext4/ext4.ko.xz: kernel/fs/jbd2/jbd2.ko.xz kernel/lib/crc16.ko.xz\nkernel/fs/jbd2/jbd2.ko.xz:\nkernel/lib/crc16.ko.xz:\nkernel/crypto/crc32c-generic.ko.xz:\nkernel/drivers/net/tun.ko.xz:\n",
		"modules/modules.softdep":              "# comment\nsoftdep jbd2 pre: crc32c_generic\nsoftdep tun post: nothing_here\n",
		"modules/modules.builtin":              "kernel/drivers/virtio/virtio_pci.ko\n",
		"modules/modules.alias":                "alias fs-ext4 ext4\nalias devname:net/tun tun\n",
		"modules/modules.devname":              "tun net/tun c10:200\n",
		"modules/kernel/fs/ext4/ext4.ko.xz":    testfiles.XZ(t, "e"),
		"modules/kernel/fs/jbd2/jbd2.ko.xz":    testfiles.XZ(t, "j"),
		"modules/kernel/lib/crc16.ko.xz":       testfiles.XZ(t, "c"),
		"modules/kernel/drivers/net/tun.ko.xz": testfiles.XZ(t, "t"),

		"modules/kernel/crypto/crc32c-generic.ko.xz": testfiles.XZ(t, "g"),
	})
	m, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestModulesBringDependenciesAndSoftDependencies(t *testing.T) {
	got, err := kernel(t).Named([]string{"ext4", "virtio-pci"}) // one by its file's name, one built in
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"kernel/crypto/crc32c-generic.ko", "kernel/fs/ext4/ext4.ko", "kernel/fs/jbd2/jbd2.ko", "kernel/lib/crc16.ko"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestModuleTypoIsAnError(t *testing.T) {
	if _, err := kernel(t).Named([]string{"ext5"}); err == nil || !strings.Contains(err.Error(), `no module "ext5"`) {
		t.Errorf("error %v", err)
	}
	if _, err := kernel(t).Matching([]string{"fs", "sound"}); err == nil || !strings.Contains(err.Error(), "kernel/sound") {
		t.Errorf("error %v", err)
	}
}

func TestModuleGlobs(t *testing.T) {
	for glob, want := range map[string]int{"fs": 4, "fs/jbd2": 2, "drivers/net/t*": 1, "lib/crc16.ko": 1} {
		got, err := kernel(t).Matching([]string{glob})
		if err != nil || len(got) != want {
			t.Errorf("%s: %v, %v; want %d", glob, got, err, want)
		}
	}
}

func TestModuleIndexesNameOnlyWhatIsThere(t *testing.T) {
	m := kernel(t)
	entries, err := m.Entries("lib/modules", []string{"kernel/drivers/net/tun.ko"})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, e := range entries {
		b, err := e.Content.ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		got[strings.TrimPrefix(e.Path, "lib/modules/6.1-x/")] = string(b)
	}
	want := map[string]string{
		"kernel/drivers/net/tun.ko": "t",
		"modules.dep":               "kernel/drivers/net/tun.ko:\n",
		"modules.alias":             "alias devname:net/tun tun\n",
		"modules.softdep":           "softdep tun post: nothing_here\n",
		"modules.builtin":           "kernel/drivers/virtio/virtio_pci.ko\n",
		"modules.devname":           "tun net/tun c10:200\n",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
