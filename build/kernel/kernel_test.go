package kernel

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proa-os/proa/build/testfiles"
)

const release = "7.3.4-x"

// TestBothForms tests both layouts: one package with everything in /boot, and several with everything beside the
// modules and a link from the old name.
func TestBothForms(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		link  bool
	}{
		"one package": {map[string]string{"boot/vmlinuz-" + release: "kernel", "boot/System.map-" + release: "map",
			"usr/lib/linux-image-" + release + "/broadcom/a.dtb": "tree", "usr/lib/modules/" + release + "/kernel/a.ko.xz": "a"}, false},
		"several": {map[string]string{"usr/lib/modules/" + release + "/vmlinuz": "kernel", "usr/lib/modules/" + release + "/System.map": "map",
			"usr/lib/modules/" + release + "/dtb/broadcom/a.dtb": "tree", "usr/lib/modules/" + release + "/kernel/a.ko.xz": "a"}, true},
	} {
		dir := testfiles.Write(t, c.files)
		if c.link {
			if err := os.Symlink("modules/"+release+"/dtb", filepath.Join(dir, "usr/lib/linux-image-"+release)); err != nil {
				t.Fatal(err)
			}
		}
		if err := Arrange(t.Context(), dir, "true", nil); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := map[string]string{}
		for _, f := range []string{"vmlinuz", "version", "dtb/broadcom/a.dtb", "modules/kernel/a.ko.xz"} {
			text, err := os.ReadFile(filepath.Join(dir, f))
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			got[f] = string(text)
		}
		if d := cmp.Diff(map[string]string{"vmlinuz": "kernel", "version": release, "dtb/broadcom/a.dtb": "tree", "modules/kernel/a.ko.xz": "a"}, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

func TestArrangeRefuses(t *testing.T) {
	own := filepath.Join(testfiles.Write(t, map[string]string{"proa_x.ko": "no ELF"}), "proa_x.ko")
	test, err := os.Executable() // an ELF file that is not a module
	if err != nil {
		t.Fatal(err)
	}
	for want, c := range map[string]struct {
		files   map[string]string
		modules []string
	}{
		"2 kernels, want one": {map[string]string{"usr/lib/modules/1/a": "", "usr/lib/modules/2/a": ""}, nil},
		"no vmlinuz in":       {map[string]string{"usr/lib/modules/1/a": ""}, nil},
		"no System.map in":    {map[string]string{"usr/lib/modules/1/vmlinuz": ""}, nil},
		"proa_x.ko: ":         {map[string]string{"usr/lib/modules/1/vmlinuz": ""}, []string{own}},
		"no module":           {map[string]string{"usr/lib/modules/1/vmlinuz": ""}, []string{test}},
	} {
		if err := Arrange(t.Context(), testfiles.Write(t, c.files), "true", c.modules); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

func TestHeadersOfOneKernel(t *testing.T) {
	dir := testfiles.Write(t, map[string]string{"usr/src/linux-headers-1-common/Makefile": "", "usr/src/linux-headers-1-arm64/.config": ""})
	common, own, err := headers(dir)
	if err != nil || filepath.Base(common) != "linux-headers-1-common" || filepath.Base(own) != "linux-headers-1-arm64" {
		t.Errorf("%s, %s, %v", common, own, err)
	}
	if _, _, err := headers(testfiles.Write(t, map[string]string{"usr/src/linux-headers-1-arm64/.config": ""})); err == nil {
		t.Error("headers without those of all architectures were accepted")
	}
}
