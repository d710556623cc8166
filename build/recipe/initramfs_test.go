package recipe

import (
	"bytes"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/proa-os/proa/build/oracle"
	"github.com/proa-os/proa/build/testfiles"
)

// TestInitramfsHolds: PID 1, the device nodes that the kernel opens before it, and the board's early modules with what they need.
func TestInitramfsHolds(t *testing.T) {
	k, b := kit(t), board(t, "pc")
	b.Kernel.Early = []string{"ext4"}
	k.Trust = someKeys("1 of 2")
	kernel := threeModules(t)
	program := testfiles.Write(t, map[string]string{"init": "PID 1"})
	s, err := k.Initramfs(b, Install{Step: "go-init", File: "init", Path: "usr/bin/proa", Links: []string{"usr/sbin/init"}}, "kernel")
	if err != nil {
		t.Fatal(err)
	}
	var images [2][]byte
	for i := range images {
		j := job(t, map[string]string{"kernel": kernel, "go-init": program})
		if err := s.Run(t.Context(), j); err != nil {
			t.Fatal(err)
		}
		z, err := zstd.NewReader(bytes.NewReader(read(t, j.Path("initrd"))))
		if err != nil {
			t.Fatal(err)
		}
		if images[i], err = io.ReadAll(z); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(images[0], images[1]) {
		t.Error("two runs differ")
	}
	list := cpioNames(t, images[0])
	for name, want := range map[string]bool{"init": true, "etc/proa/keys.json": true, "dev/console": true, "lib/modules/6.1-x/kernel/fs/ext4.ko": true,
		"lib/modules/6.1-x/kernel/fs/jbd2.ko": true, "lib/modules/6.1-x/kernel/tun.ko": false, "usr/sbin/init": false} {
		if slices.Contains(list, name) != want {
			t.Errorf("%s is there: %v; %q", name, !want, list)
		}
	}
	if list := trusted(map[string][]byte{"/b/c": nil, "/a": nil}); len(list) != 2 || list[0].Path != "a" || list[1].Path != "b/c" {
		t.Errorf("%v", list)
	}
	b.Kernel.Early = []string{"exd4"}
	if s, err = k.Initramfs(b, Install{Step: "go-init", File: "init"}, "kernel"); err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context(), job(t, map[string]string{"kernel": kernel, "go-init": program})); err == nil || !strings.Contains(err.Error(), "board pc: early modules: ") {
		t.Errorf("a module that no kernel has: %v", err)
	}
}

// threeModules is a kernel with as many.
func threeModules(t *testing.T) string {
	t.Helper()
	return testfiles.Write(t, map[string]string{"version": "6.1-x",
		"modules/modules.dep":     "kernel/fs/ext4.ko.xz: kernel/fs/jbd2.ko.xz\nkernel/fs/jbd2.ko.xz:\nkernel/tun.ko.xz:\n",
		"modules/modules.softdep": "", "modules/modules.builtin": "", "modules/modules.alias": "", "modules/modules.devname": "",
		"modules/kernel/fs/ext4.ko.xz": testfiles.XZ(t, "e"), "modules/kernel/fs/jbd2.ko.xz": testfiles.XZ(t, "j"), "modules/kernel/tun.ko.xz": testfiles.XZ(t, "t")})
}

// TestRootModules: the root has what the board's globs match, with what that needs; a glob that matches nothing is a mistake.
func TestRootModules(t *testing.T) {
	kernel, b := threeModules(t), board(t, "pc")
	b.Kernel.Modules = []string{"fs"}
	list, err := rootModules(kernel, b)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		names = append(names, e.Path)
	}
	for name, want := range map[string]bool{"fs/ext4": true, "fs/jbd2": true, "tun": false} {
		if slices.Contains(names, "usr/lib/modules/6.1-x/kernel/"+name+".ko") != want {
			t.Errorf("%s is there: %v; %q", name, !want, names)
		}
	}
	b.Kernel.Modules = []string{"fs", "nosuch"}
	if _, err := rootModules(kernel, b); err == nil || !strings.HasPrefix(err.Error(), "board pc: modules: ") {
		t.Errorf("%v", err)
	}
	if _, err := rootModules(t.TempDir(), b); err == nil {
		t.Error("modules of no kernel")
	}
}

// cpioNames are what cpio lists.
func cpioNames(t *testing.T, archive []byte) []string {
	t.Helper()
	cmd := exec.Command(oracle.Tool(t, "cpio"), "-t", "--quiet")
	cmd.Stdin = bytes.NewReader(archive)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(out))
}
